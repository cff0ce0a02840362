/** Starts the product as a user does, with the command line, a free port and its own home folder, and measures it. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const cli = join(root, 'out/main/cli.js')

export interface RunningServer {
  readonly process: ChildProcess
  readonly url: string
  /** Address of the window with its key. */
  readonly consoleUrl: string
  /** From spawn to the ready line, ms. */
  readonly readyMs: number
}

/** Runs one command to its end and returns what it printed. */
export function command(home: string, ...args: string[]): string {
  return execFileSync(process.execPath, [cli, ...args], {
    env: { ...process.env, SWITCHBOARD_HOME: home },
    encoding: 'utf8',
  })
}

export interface StartOptions {
  /** Before the name of the program. */
  readonly nodeArguments?: readonly string[]
  /** Beside the bench's own environment. */
  readonly env?: NodeJS.ProcessEnv
}

export async function startServer(home: string, options: StartOptions = {}): Promise<RunningServer> {
  const { nodeArguments = [], env = {} } = options
  const started = performance.now()
  const child = spawn(process.execPath, [...nodeArguments, cli, 'serve', '--port', '0', '--home', home], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  return await new Promise((resolve, reject) => {
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      const url = /^ready (http:\S+)$/m.exec(output)?.[1]
      if (url === undefined) return
      const readyMs = performance.now() - started
      const consoleUrl = /^console (http:\S+)$/m.exec(errors)?.[1] ?? ''
      resolve({ process: child, url, consoleUrl, readyMs })
    })
    child.once('exit', (code) => reject(new Error(`serve ended with ${String(code)}: ${errors}`)))
  })
}

export async function stopServer(server: RunningServer): Promise<void> {
  if (server.process.exitCode !== null) return
  const exited = new Promise((resolve) => server.process.once('exit', resolve))
  server.process.kill('SIGTERM')
  await exited
}

/** Folder of the only graph in a home folder, after a start has removed the others. */
export function builtGraph(home: string): string {
  const cache = join(home, 'graphs')
  const names = readdirSync(cache).filter((name) => /^[0-9a-f]{64}$/.test(name))
  if (names.length !== 1) throw new Error(`${names.length} graphs in ${cache}`)
  return join(cache, names[0]!)
}

export interface ProcessMemory {
  readonly pid: number
  readonly parent: number
  /** RSS, peak RSS and anonymous memory, bytes. */
  readonly resident: number
  readonly peak: number
  readonly anonymous: number
}

/** Memory of a process and all its descendants, the process itself first (Linux). */
export function processTree(pid: number): readonly ProcessMemory[] {
  const all = new Map<number, ProcessMemory>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const status = readFileSync(`/proc/${entry}/status`, 'utf8')
      const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0)
      all.set(Number(entry), {
        pid: Number(entry),
        parent: field('PPid'),
        resident: field('VmRSS') * 1024,
        peak: field('VmHWM') * 1024,
        anonymous: field('RssAnon') * 1024,
      })
    } catch (failure) {
      // the process ended between the listing and the read
      if ((failure as NodeJS.ErrnoException).code !== 'ENOENT' && (failure as NodeJS.ErrnoException).code !== 'ESRCH')
        throw failure
    }
  }
  const descends = (candidate: number): boolean =>
    candidate === pid || (candidate > 1 && descends(all.get(candidate)?.parent ?? 0))
  return [...all.values()]
    .filter((process) => descends(process.pid))
    .sort((a, b) => Number(b.pid === pid) - Number(a.pid === pid))
}

/** Resident memory in bytes of a process and all its descendants. */
export function residentBytes(pid: number): number {
  return processTree(pid).reduce((sum, process) => sum + process.resident, 0)
}

/** The server's engine process: its child with the largest RSS. */
export function engineMemory(server: RunningServer): ProcessMemory {
  const [, ...children] = processTree(server.process.pid ?? 0)
  const engine = children.sort((a, b) => b.resident - a.resident)[0]
  if (engine === undefined) throw new Error('the server has no engine process')
  return engine
}
