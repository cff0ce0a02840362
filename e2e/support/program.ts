import { spawn, type ChildProcess } from 'node:child_process'

/** What a program printed and how it ended. */
export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A running program and its output so far. */
export class Program {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''
  readonly ended: Promise<Outcome>
  readonly #watchers = new Set<() => void>()

  constructor(
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv = process.env,
    stdin: 'ignore' | 'pipe' = 'ignore',
    channel = false,
  ) {
    this.child = spawn(command, [...args], {
      env,
      stdio: [stdin, 'pipe', 'pipe', ...(channel ? (['ipc'] as const) : [])],
      ...(channel ? { serialization: 'advanced' as const } : {}),
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) =>
      this.#grow(() => {
        this.stdout += text
      }),
    )
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) =>
      this.#grow(() => {
        this.stderr += text
      }),
    )
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr })
        this.#grow(() => undefined)
      })
    })
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the program could not be started')
    return this.child.pid
  }

  /** Waits for the first match in its output. @throws Error when it ends without one. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr)
      if (match !== null) return match
      const { exitCode, signalCode } = this.child
      if (exitCode !== null || signalCode !== null)
        throw new Error(
          `ended with ${exitCode ?? signalCode} without printing ${pattern}\n${this.stdout}\n${this.stderr}`,
        )
      await new Promise<void>((resolve) => this.#watchers.add(resolve))
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Outcome> {
    this.child.kill(signal)
    return await this.ended
  }

  #grow(change: () => void): void {
    change()
    for (const watcher of this.#watchers) watcher()
    this.#watchers.clear()
  }
}

/** Runs a program to its end. */
export async function run(
  command: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
): Promise<Outcome> {
  const program = new Program(command, args, options.env, options.input === undefined ? 'ignore' : 'pipe')
  program.child.stdin?.end(options.input)
  return await program.ended
}
