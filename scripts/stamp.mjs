import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The text of a stamp, or null where there is none. */
export function readStamp(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}

export function writeStamp(path, text) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** Digest of a file's bytes. */
export function fileDigest(path) {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

/**
 * Digest of names, sizes and times of files below some paths: milliseconds for a few hundred files, where reading them
 * would be felt at every start. Missing paths count as missing, so that adding one is a change.
 */
export function treeDigest(base, paths, skip) {
  const digest = createHash('sha256')
  const visit = (path) => {
    const stat = statSync(join(base, path), { throwIfNoEntry: false })
    if (stat === undefined) digest.update(`${path} missing\n`)
    else if (stat.isDirectory()) for (const name of readdirSync(join(base, path)).sort()) visit(`${path}/${name}`)
    else if (!skip(path)) digest.update(`${path} ${stat.size} ${stat.mtimeMs}\n`)
  }
  for (const path of paths) visit(path)
  return digest.digest('hex')
}

/**
 * Runs `work` while no other process of this checkout does. A lock left by a dead process is taken over.
 */
export async function exclusively(path, work) {
  mkdirSync(dirname(path), { recursive: true })
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      if (!isAlive(Number(readStamp(path)))) rmSync(path, { force: true })
      else await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  try {
    return await work()
  } finally {
    rmSync(path, { force: true })
  }
}

function isAlive(pid) {
  // An empty file belongs to a process between creating and writing it.
  if (!(pid > 0)) return pid === 0
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
