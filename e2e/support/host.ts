import { readdirSync, readFileSync } from 'node:fs'
import { builtCli, newHome } from './paths.ts'
import { Program, run, type Outcome } from './program.ts'

/** A running headless host with a home of its own. */
export interface Host {
  readonly program: Program
  readonly home: string
  /** Address of the console with its key. */
  readonly consoleUrl: string
  /** Base of the OpenAI-compatible endpoint, such as http://127.0.0.1:4317/v1. */
  readonly endpointUrl: string
}

/**
 * The environment for the app: none of the shell's options that change its behaviour, and a secret that must not reach
 * the engine.
 */
export function hostEnvironment(home: string): NodeJS.ProcessEnv {
  return { ...process.env, SWITCHBOARD_HOME: home, OPENAI_API_KEY: 'sk-must-not-spread', NODE_OPTIONS: undefined }
}

/** Starts the app on a free port and waits for its ready line. */
export async function startHost(home: string = newHome()): Promise<Host> {
  const program = new Program(process.execPath, [builtCli, 'serve', '--port', '0'], hostEnvironment(home))
  const url = (await program.printed(/^ready (http:\/\/127\.0\.0\.1:\d+)$/m))[1] ?? ''
  const consoleUrl = /^console (http:\S+)$/m.exec(program.stderr)?.[1] ?? ''
  return { program, home, consoleUrl, endpointUrl: `${url}/v1` }
}

/** Runs one command of the built `switchboard` on a home. */
export async function command(home: string, args: readonly string[], input?: string): Promise<Outcome> {
  return await run(process.execPath, [builtCli, ...args], {
    env: hostEnvironment(home),
    ...(input === undefined ? {} : { input }),
  })
}

/** Process ids of all descendants of a process (Linux). */
export function descendants(pid: number): readonly number[] {
  const owners = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = readStat(name)
      // `pid (name) state ppid ...`, where the name may contain anything.
      const owner = /\) \S (\d+)/.exec(stat)?.[1]
      return owner === undefined ? [] : [{ pid: Number(name), owner: Number(owner) }]
    })
  const below = (parent: number): number[] =>
    owners.flatMap(({ pid: child, owner }) => (owner === parent ? [child, ...below(child)] : []))
  return below(pid)
}

/** Empty for a process that has ended meanwhile. */
function readStat(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return ''
  }
}

/** Process id of the host's only engine. @throws Error when there is none or more than one. */
export function enginePid(host: number): number {
  const found = descendants(host).filter((pid) =>
    readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('engine-process.js'),
  )
  if (found.length !== 1 || found[0] === undefined)
    throw new Error(`expected one engine below ${host}, found ${found.length}`)
  return found[0]
}
