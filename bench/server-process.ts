/** Starts and measures the product the way a user does: the command line, a free port, a home folder of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const cli = join(root, 'out/main/cli.js')

export interface RunningServer {
  readonly process: ChildProcess
  readonly url: string
  /** From spawn to the ready line, ms. */
  readonly readyMs: number
}

/** Runs one command to its end and returns what it printed. */
export function command(home: string, ...args: string[]): string {
  return execFileSync(process.execPath, [cli, ...args], { env: { ...process.env, SWITCHBOARD_HOME: home }, encoding: 'utf8' })
}

export async function startServer(home: string): Promise<RunningServer> {
  const started = performance.now()
  const child = spawn(process.execPath, [cli, 'serve', '--port', '0', '--home', home], { stdio: ['ignore', 'pipe', 'pipe'] })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { errors += text })
  return await new Promise((resolve, reject) => {
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      const url = /^ready (http:\S+)$/m.exec(output)?.[1]
      if (url !== undefined) resolve({ process: child, url, readyMs: performance.now() - started })
    })
    child.once('exit', (code) => reject(new Error(`serve ended with ${String(code)}: ${errors}`)))
  })
}

export async function stopServer(server: RunningServer): Promise<void> {
  const exited = new Promise((resolve) => server.process.once('exit', resolve))
  server.process.kill('SIGTERM')
  await exited
}

/** Resident memory in bytes of a process and all its descendants (Linux). */
export function residentBytes(pid: number): number {
  const parents = new Map<number, number>()
  const resident = new Map<number, number>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const status = readFileSync(`/proc/${entry}/status`, 'utf8')
      parents.set(Number(entry), Number(/^PPid:\s+(\d+)/m.exec(status)?.[1] ?? 0))
      resident.set(Number(entry), Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024)
    } catch (failure) {
      // the process ended between the listing and the read
      if ((failure as NodeJS.ErrnoException).code !== 'ENOENT' && (failure as NodeJS.ErrnoException).code !== 'ESRCH') throw failure
    }
  }
  const belongs = (candidate: number): boolean => candidate === pid || (parents.has(candidate) && candidate > 1 && belongs(parents.get(candidate)!))
  let total = 0
  for (const [candidate, bytes] of resident) if (belongs(candidate)) total += bytes
  return total
}
