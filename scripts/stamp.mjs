import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { say } from './places.mjs'

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

/** How often the holder of a lock shows that it lives. */
const beatMs = 1000

/** What this process wrote, or will write, into the locks it holds. */
const held = new Set()

/**
 * Runs `work` while no other process of this checkout does. A lock left by a dead process is taken over: at once where
 * that
 * can be known, else when its time has not moved for `silentMs` of watching. Process ids alone do not tell: a container
 * that
 * is started again gives the same ones to others, and a crash can leave a lock without any.
 */
export async function exclusively(path, work, { silentMs = 15_000 } = {}) {
  mkdirSync(dirname(path), { recursive: true })
  const mark = `${process.pid} ${hostname()} ${randomUUID()}`
  held.add(mark)
  let beat
  try {
    await take(path, mark, silentMs)
    beat = setInterval(() => touch(path), beatMs)
    return await work()
  } finally {
    clearInterval(beat)
    held.delete(mark)
    // Somebody else's by now, where this process was stopped for long.
    if (readStamp(path) === mark) rmSync(path, { force: true })
  }
}

async function take(path, mark, silentMs) {
  let seen = null
  let since = 0
  let told = false
  while (!wroteFirst(path, mark)) {
    const holder = readStamp(path)
    const sign = `${holder} ${statSync(path, { throwIfNoEntry: false })?.mtimeMs}`
    if (sign !== seen) {
      seen = sign
      since = performance.now()
    }
    if (holder !== null && (isDead(holder) || performance.now() - since > silentMs)) {
      rmSync(path, { force: true })
      continue
    }
    if (holder !== null && !told) {
      say(
        `Waiting for another start in this folder, which installs or builds (process ${Number.parseInt(holder, 10) || 'unknown'}).`,
      )
      told = true
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

function wroteFirst(path, mark) {
  try {
    writeFileSync(path, mark, { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

function touch(path) {
  const now = new Date()
  try {
    utimesSync(path, now, now)
  } catch {
    // Somebody took the lock away; the work goes on.
  }
}

/** Whether the process that wrote this is known to be gone. */
function isDead(holder) {
  const [pid, host] = holder.split(' ')
  if (host !== hostname()) return false
  return Number(pid) === process.pid ? !held.has(holder) : !isAlive(Number(pid))
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
