import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { _electron, chromium, expect, type Browser, type Page } from '@playwright/test'
import type * as Electron from 'electron'
import type { seen } from '../electron-stand-in/electron.ts'
import { hostEnvironment } from './host.ts'
import { builtMain, root } from './paths.ts'
import { Program, type Outcome } from './program.ts'

/** Electron's API inside the host; `seen` exists only under the stand-in. */
export type InHost = typeof Electron & { readonly seen?: typeof seen }

/** The desktop host under test, on Electron or on the stand-in. */
export interface DesktopApp {
  readonly runner: 'Electron' | 'stand-in'
  readonly pid: number
  /** The window's page; after a crash, its replacement. */
  page(): Promise<Page>
  /** Runs a function inside the host. It must not use its closure: only its source text is sent. */
  evaluate<Argument, Value>(
    work: (electron: InHost, argument: Argument) => Value,
    argument: Argument,
  ): Promise<Awaited<Value>>
  /** Sends a signal and waits for the exit. */
  stop(signal?: NodeJS.Signals): Promise<Pick<Outcome, 'code'>>
  readonly ended: Promise<Pick<Outcome, 'code'>>
}

const electronFolder = join(root, 'node_modules', 'electron')

/** Electron's program where it is installed and can run: not as root, and only with a display. */
export function electronProgram(): string | null {
  const named = join(electronFolder, 'path.txt')
  const usable =
    existsSync(named) &&
    process.getuid?.() !== 0 &&
    (process.platform !== 'linux' || Boolean(process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY']))
  return usable ? join(electronFolder, 'dist', readFileSync(named, 'utf8').trim()) : null
}

/** Starts the desktop host on a home folder. */
export async function launchDesktop(home: string, locale = 'en-US'): Promise<DesktopApp> {
  const program = electronProgram()
  return program === null ? await launchStandIn(home, locale) : await launchElectron(program, home, locale)
}

async function launchElectron(program: string, home: string, locale: string): Promise<DesktopApp> {
  const app = await _electron.launch({
    executablePath: program,
    args: [root, '--port=0', `--lang=${locale}`],
    env: definedOnly(hostEnvironment(home)),
  })
  const ended = new Promise<Pick<Outcome, 'code'>>((resolve) => app.process().on('exit', (code) => resolve({ code })))
  return {
    runner: 'Electron',
    pid: app.process().pid ?? 0,
    page: async () => await app.firstWindow(),
    evaluate: async (work, argument) => await app.evaluate<never, unknown>(work as never, argument),
    stop: async (signal = 'SIGTERM') => {
      app.process().kill(signal)
      return await ended
    },
    ended,
  }
}

async function launchStandIn(home: string, locale: string): Promise<DesktopApp> {
  const program = standInProgram(['--port=0'], { ...hostEnvironment(home), STAND_IN_LOCALE: locale })
  const portFile = join(home, 'window', 'debugging-port')
  await expect.poll(() => existsSync(portFile) || program.child.exitCode !== null, { timeout: 30_000 }).toBe(true)
  if (!existsSync(portFile)) throw new Error(`the host ended: ${program.stderr}`)
  let browser: Browser | null = null
  let nextId = 0
  return {
    runner: 'stand-in',
    pid: program.pid,
    page: async () => {
      browser ??= await chromium.connectOverCDP(`http://127.0.0.1:${readFileSync(portFile, 'utf8')}`)
      let found: Page | undefined
      await expect
        .poll(
          async () => {
            for (const page of browser?.contexts().flatMap((context) => context.pages()) ?? []) {
              // A crashed page stays in the list until it is replaced, and does not answer.
              if (
                page.url().includes('/index.html') &&
                (await page.evaluate('1').then(
                  () => true,
                  () => false,
                ))
              )
                found = page
            }
            return found !== undefined
          },
          { timeout: 30_000 },
        )
        .toBe(true)
      if (found === undefined) throw new Error('the window shows no page')
      return found
    },
    evaluate: async (work, argument) => {
      const id = (nextId += 1)
      return await new Promise<never>((resolve, reject) => {
        const listen = (message: {
          readonly id: number
          readonly value?: unknown
          readonly failure?: string
        }): void => {
          if (message.id !== id) return
          program.child.off('message', listen)
          if (message.failure === undefined) resolve(message.value as never)
          else reject(new Error(message.failure))
        }
        program.child.on('message', listen)
        program.child.send({ id, source: work.toString(), argument })
      })
    },
    stop: async (signal) => {
      const outcome = await program.stop(signal)
      // The window outlives its program for a moment; without this the next test could start on a closing page.
      await browser?.close()
      return outcome
    },
    ended: program.ended,
  }
}

/** Starts the desktop host, on Electron or on the stand-in, without waiting for its window. */
export function desktopProgram(args: readonly string[], environment: NodeJS.ProcessEnv): Program {
  const electron = electronProgram()
  return electron === null ? standInProgram(args, environment) : new Program(electron, [root, ...args], environment)
}

function standInProgram(args: readonly string[], environment: NodeJS.ProcessEnv): Program {
  const register = join(import.meta.dirname, '..', 'electron-stand-in', 'register.ts')
  return new Program(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--import', register, builtMain, ...args],
    environment,
    'ignore',
    true,
  )
}

function definedOnly(environment: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}
