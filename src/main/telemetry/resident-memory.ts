import { readFileSync } from 'node:fs'

/** Resident memory of a process in bytes; null when it has ended, or for another process on a system without /proc. */
export function residentBytes(pid: number): number | null {
  if (pid === process.pid) return process.memoryUsage.rss()
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kibibytes === undefined ? null : Number(kibibytes) * 1024
  } catch {
    // The process has ended, or there is no /proc.
    return null
  }
}
