import { fork, type ChildProcess } from 'node:child_process'
import { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import type Electron from 'electron'

const boot = new URL('./utility-boot.ts', import.meta.url).href

/** The V8 flags in Chromium's --js-flags switch, as Node options. */
const engineFlags = (switches: readonly string[]): string[] =>
  switches.flatMap((given) => /^--js-flags=(.+)$/.exec(given)?.[1]?.split(' ') ?? [])

type Part = Pick<Electron.UtilityProcess, 'pid' | 'postMessage' | 'kill'>

class StandInUtilityProcess extends EventEmitter implements Part {
  readonly #child: ChildProcess

  constructor(file: string, args: readonly string[], options: Electron.ForkOptions) {
    super()
    this.#child = fork(file, [...args], {
      serialization: 'advanced',
      execArgv: [
        '--disable-warning=ExperimentalWarning',
        ...engineFlags(options.execArgv ?? []),
        '--import',
        fileURLToPath(boot),
      ],
      env: (options.env ?? process.env) as NodeJS.ProcessEnv,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#child.on('message', (message) => this.emit('message', message))
    this.#child.on('spawn', () => this.emit('spawn'))
    // Electron reports a code where Node reports a signal.
    this.#child.on('exit', (code) => this.emit('exit', code ?? 1))
  }

  get pid(): number | undefined {
    return this.#child.exitCode === null && this.#child.signalCode === null ? this.#child.pid : undefined
  }

  get stdout(): Readable | null {
    return this.#child.stdout
  }

  get stderr(): Readable | null {
    return this.#child.stderr
  }

  postMessage(message: unknown): void {
    if (this.#child.connected) this.#child.send(message as object)
  }

  kill(): boolean {
    return this.#child.kill('SIGTERM')
  }
}

export const utilityProcess = {
  fork: (file: string, args: readonly string[] = [], options: Electron.ForkOptions = {}) =>
    new StandInUtilityProcess(file, args, options),
}
