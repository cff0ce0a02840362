import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { say } from './paths.mjs'

const POLL_MS = 200

/**
 * Runs `work` while no other process holds the lock file, which contains the owner's process id.
 * A lock whose owner no longer runs is taken over.
 */
export async function exclusively(path, work) {
  mkdirSync(dirname(path), { recursive: true })
  for (let announced = 0; !created(path);) {
    const owner = ownerOf(path)
    if (owner === null || (isDead(owner) && removed(path, owner))) continue
    if (announced !== owner) say(`Waiting for process ${owner}, which installs or builds here. (Lock: ${path})`)
    announced = owner
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  try {
    return await work()
  } finally {
    if (ownerOf(path) === process.pid) rmSync(path, { force: true })
  }
}

function created(path) {
  try {
    writeFileSync(path, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

/** Process id in the lock file, 0 while it is being written, null when there is no lock. */
function ownerOf(path) {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10) || 0
  } catch (error) {
    if (error.code === 'ENOENT') return null
    throw error
  }
}

/** A lock with our own id was left by a process that had the same id, as happens when a container restarts. */
function isDead(owner) {
  if (owner === 0) return false
  if (owner === process.pid) return true
  try {
    process.kill(owner, 0)
    return false
  } catch (error) {
    return error.code === 'ESRCH'
  }
}

/** Removes the lock of a dead owner, unless another waiter replaced it in the meantime. */
function removed(path, owner) {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
  } catch (error) {
    if (error.code === 'ENOENT') return true
    throw error
  }
  if (ownerOf(aside) !== owner) {
    renameSync(aside, path)
    return false
  }
  rmSync(aside)
  return true
}
