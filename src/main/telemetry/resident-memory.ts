import { readFileSync } from 'node:fs'

/**
 * Resident memory of a process in bytes; null when the process is gone or the system does not tell for others than this
 * one (Linux does, in /proc).
 */
export function residentBytes(pid: number): number | null {
  if (pid === process.pid) return process.memoryUsage.rss()
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kibibytes === undefined ? null : Number(kibibytes) * 1024
  } catch {
    // gone, or a system without /proc
    return null
  }
}
