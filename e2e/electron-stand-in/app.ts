import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { EventEmitter } from 'node:events'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type Electron from 'electron'
import { closeBrowser, openBrowser } from './chromium.ts'

type Part = Pick<
  Electron.App,
  | 'whenReady'
  | 'isReady'
  | 'quit'
  | 'exit'
  | 'getPath'
  | 'setPath'
  | 'getAppPath'
  | 'getLocale'
  | 'getVersion'
  | 'requestSingleInstanceLock'
  | 'releaseSingleInstanceLock'
  | 'setAppUserModelId'
  | 'isPackaged'
>

class StandInApp extends EventEmitter implements Part {
  readonly isPackaged = false
  /** The host's Chromium switches, recorded only. */
  readonly switches: string[] = []
  readonly commandLine = { appendSwitch: (name: string) => void this.switches.push(name) }
  /** Closes all windows; resolves to false when one refused. Set by browser-window.ts, which holds them. */
  closeWindows: () => Promise<boolean> = async () => true
  #ready: Promise<void> | null = null
  #isReady = false
  #paths = new Map<string, string>()
  #lock: string | null = null

  whenReady(): Promise<void> {
    this.#ready ??= openBrowser(this.getPath('userData'), this.getLocale()).then(() => {
      this.#isReady = true
      this.emit('ready')
    })
    return this.#ready
  }

  isReady(): boolean {
    return this.#isReady
  }

  quit(): void {
    void (async () => {
      if (this.#refused('before-quit') || !(await this.closeWindows()) || this.#refused('will-quit')) return
      this.exit(0)
    })()
  }

  exit(code = 0): void {
    this.releaseSingleInstanceLock()
    void closeBrowser().finally(() => process.exit(code))
  }

  getPath(name: Parameters<Electron.App['getPath']>[0]): string {
    return this.#paths.get(name) ?? join(tmpdir(), `stand-in-${process.pid}`, name)
  }

  setPath(name: string, path: string): void {
    this.#paths.set(name, path)
  }

  getAppPath(): string {
    return resolve(process.argv[1] ?? '', '..', '..', '..')
  }

  getLocale(): string {
    return process.env['STAND_IN_LOCALE'] ?? 'en-US'
  }

  getVersion(): string {
    return '0.0.0'
  }

  setAppUserModelId(): void {
    // Has an effect on Windows only.
  }

  /**
   * A file with the owner's process id. A second start notifies the owner by a signal, because this call is
   * synchronous.
   */
  requestSingleInstanceLock(): boolean {
    const folder = this.getPath('userData')
    mkdirSync(folder, { recursive: true })
    const path = join(folder, 'stand-in.lock')
    for (let attempt = 0; attempt < 2; attempt += 1) {
      try {
        writeFileSync(path, String(process.pid), { flag: 'wx' })
        this.#lock = path
        process.on('SIGUSR2', () => this.emit('second-instance', {}, [], '', null))
        return true
      } catch (failure) {
        if (!(failure instanceof Error && 'code' in failure && failure.code === 'EEXIST')) throw failure
        if (signalled(Number(readFileSync(path, 'utf8')))) return false
        rmSync(path, { force: true })
      }
    }
    return false
  }

  releaseSingleInstanceLock(): void {
    if (this.#lock !== null) rmSync(this.#lock, { force: true })
    this.#lock = null
  }

  #refused(event: 'before-quit' | 'will-quit'): boolean {
    let refused = false
    this.emit(event, {
      preventDefault: () => {
        refused = true
      },
    })
    return refused
  }
}

function signalled(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGUSR2')
  } catch {
    // The owner has ended.
    return false
  }
}

export const app = new StandInApp()

// Electron quits on these signals.
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => app.quit())
