import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync } from 'node:fs'
import { writeWholeNow } from './write-whole.ts'

const pattern = /^[0-9A-Za-z_-]{43}$/

/** A secret of 256 random bits, kept across restarts in a file only its owner can read. */
export function readOrCreateSecret(path: string): string {
  const found = readSecret(path)
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
