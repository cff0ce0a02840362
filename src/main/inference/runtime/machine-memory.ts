import { readFileSync } from 'node:fs'
import { freemem, totalmem } from 'node:os'
import { join } from 'node:path'

/** Reserve for the system and other programs. */
const SHARE = 0.9

/** macOS counts its file cache as used, so its free memory says little. */
const SHARE_OF_ALL = 0.7

/**
 * Main memory available to a model, bytes: what is available, including what the system can drop, minus a reserve,
 * within the limit of a container.
 */
export function machineMemory(): number {
  if (process.platform === 'darwin') return Math.floor(totalmem() * SHARE_OF_ALL)
  // On Linux this is MemAvailable of /proc/meminfo.
  const available = freemem()
  if (process.platform !== 'linux') return Math.floor(available * SHARE)
  const own = /^0::(\/.*)$/m.exec(readText('/proc/self/cgroup'))?.[1] ?? '/'
  const limits = ['/', own].map((group) => {
    const read = (name: string): string => readText(join('/sys/fs/cgroup', group, name))
    return groupMemory(read('memory.max'), read('memory.current'), read('memory.stat'))
  })
  return Math.floor(Math.min(available, ...limits) * SHARE)
}

/**
 * Bytes left to a control group (cgroup v2); Infinity without a limit. Cached files count as used there, but the system
 * drops them before it refuses memory. Pure.
 */
export function groupMemory(max: string, current: string, stat: string): number {
  if (!/^\d+\s*$/.test(max)) return Number.POSITIVE_INFINITY
  const cached = ['inactive_file', 'active_file'].reduce(
    (sum, name) => sum + Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0),
    0,
  )
  return Math.max(0, Number(max) - Math.max(0, Number(current) - cached))
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // The file is missing where there is no such limit.
    return ''
  }
}
