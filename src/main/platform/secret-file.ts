import { randomBytes } from 'node:crypto'
import { chmodSync, lstatSync, readFileSync } from 'node:fs'
import { writeWholeNow } from './write-whole.ts'

const pattern = /^[0-9A-Za-z_-]{43}$/

/**
 * A secret of 256 random bits, kept across restarts in a file only its owner can read. A file that another user made or
 * could have written is replaced: its writer would know the secret.
 */
export function readOrCreateSecret(path: string): string {
  const found = isOursAlone(path) ? readSecret(path) : null
  if (found !== null) {
    chmodSync(path, 0o600)
    return found
  }
  const secret = randomBytes(32).toString('base64url')
  writeWholeNow(path, secret)
  return secret
}

/** The secret in a file; null when the file is missing or damaged. */
export function readSecret(path: string): string | null {
  try {
    const text = readFileSync(path, 'utf8').trim()
    return pattern.test(text) ? text : null
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return null
    throw thrown
  }
}

/** Whether no other user can have written this file; true where the system has no user ids. */
function isOursAlone(path: string): boolean {
  const file = lstatSync(path, { throwIfNoEntry: false })
  if (file === undefined || process.getuid === undefined) return file !== undefined
  return file.isFile() && file.uid === process.getuid() && (file.mode & 0o022) === 0
}
