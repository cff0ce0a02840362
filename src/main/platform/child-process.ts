import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { Emitter, type Listen } from '../../shared/base/emitter.ts'
import { encodeFrame, FrameDecoder } from './frame-codec.ts'
import { PORT_VARIABLE } from './port.ts'

export interface ChildExit {
  readonly code: number | null
  readonly signal: string | null
  /** Set when the process was ended because what it wrote was no message. */
  readonly garbage: string | null
}

/** A process of ours, whatever started it (node:child_process here, Electron's utilityProcess in desktop/). */
export interface ChildProcessHandle {
  /** Undefined until it runs, or when it could not be started. */
  readonly pid: number | undefined
  /** Ignored once the process is gone: its exit is what tells. */
  send(message: unknown): void
  readonly onMessage: Listen<unknown>
  /** Fires once, after every message that was received. */
  readonly onExit: Listen<ChildExit>
  /** Default SIGKILL: a process that hangs does not hear anything softer. */
  kill(signal?: NodeJS.Signals): void
  /** The last lines it wrote to stderr and stdout. */
  stderrTail(): string
}

export interface LaunchOptions {
  /** Path of the script, from `processEntry`. */
  readonly entry: string
  readonly arguments?: readonly string[]
  /** Shown by system tools where the platform allows. */
  readonly name: string
  /** Added to the allow-listed environment. */
  readonly environment?: Readonly<Record<string, string>>
}

export type ProcessLauncher = (options: LaunchOptions) => ChildProcessHandle

/**
 * Variables a child may see: what finds libraries, devices, temporary folders and the language, and nothing else. Keys,
 * tokens and proxies of the surrounding shell stay out of processes that read files from strangers.
 */
const allowedVariables: readonly RegExp[] = [
  /^(PATH|HOME|USERPROFILE|TMPDIR|TEMP|TMP|LANG|TZ|XDG_RUNTIME_DIR|XDG_CACHE_HOME|LD_LIBRARY_PATH|ELECTRON_RUN_AS_NODE)$/,
  /^LC_[A-Z]+$/,
  /^(CUDA_VISIBLE_DEVICES|CUDA_DEVICE_ORDER|CUDA_PATH|CUDA_HOME|CUDA_CACHE_PATH|NVIDIA_VISIBLE_DEVICES|NVIDIA_DRIVER_CAPABILITIES)$/,
  /^(VK_ICD_FILENAMES|VK_DRIVER_FILES|VK_LAYER_PATH)$/,
  /^(SYSTEMROOT|SYSTEMDRIVE|WINDIR|APPDATA|LOCALAPPDATA|PROGRAMDATA|NUMBER_OF_PROCESSORS|PROCESSOR_ARCHITECTURE)$/i,
]

export function scrubbedEnvironment(source: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(source)) {
    if (value !== undefined && allowedVariables.some((pattern) => pattern.test(name))) kept[name] = value
  }
  return kept
}

/** How much of what a child wrote is kept, for the report of its end. */
export const TAIL_CHARACTERS = 8192

/** How long output that was written before the end may take to arrive after it. */
const DRAIN_MS = 200

/**
 * In MB. V8 lets the room for short-lived objects grow to 128 MB in a process that makes many and keeps none, as the
 * engine does:
 * memory that a model could use, taken in jumps that look like a leak.
 */
export const YOUNG_SPACE_FLAG = '--max-semi-space-size=4'

/** Starts a child with node:child_process, over a private pipe of length-capped messages. */
export const launchChildProcess: ProcessLauncher = ({ entry, arguments: args = [], environment = {} }) => {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', YOUNG_SPACE_FLAG, entry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', process.platform === 'win32' ? 'overlapped' : 'pipe'],
    env: { ...scrubbedEnvironment(process.env), ...environment, [PORT_VARIABLE]: '3' },
    windowsHide: true,
  })
  const messages = new Emitter<unknown>()
  const exits = new Emitter<ChildExit>()
  const decoder = new FrameDecoder()
  const wire = child.stdio[3] as Socket | null
  let tail = ''
  let garbage: string | null = null
  let exited = false

  const remember = (chunk: string): void => {
    tail = (tail + chunk).slice(-TAIL_CHARACTERS)
  }
  child.stdout?.setEncoding('utf8').on('data', remember)
  child.stderr?.setEncoding('utf8').on('data', remember)

  wire?.on('data', (bytes: Buffer) => {
    if (garbage !== null) return
    const received = decoder.push(bytes)
    for (const message of received.messages) messages.emit(message)
    if (received.garbage === null) return
    garbage = received.garbage
    child.kill('SIGKILL')
  })
  // A broken pipe means the process is going; its exit is reported, so nothing is to be done here.
  wire?.on('error', () => undefined)

  const exit = (code: number | null, signal: string | null): void => {
    if (exited) return
    exited = true
    wire?.destroy()
    exits.emit({ code, signal, garbage })
  }
  child.on('error', (failure) => {
    remember(`${failure.message}\n`)
    if (child.pid === undefined) exit(null, null)
  })
  child.on('exit', (code, signal) => void setTimeout(() => exit(code, signal), DRAIN_MS))
  child.on('close', (code, signal) => exit(code, signal))

  return {
    get pid() {
      return child.pid
    },
    send: (message) => {
      if (wire !== null && !exited && wire.writable) wire.write(encodeFrame(message))
    },
    onMessage: messages.on,
    onExit: exits.on,
    kill: (signal = 'SIGKILL') => void child.kill(signal),
    stderrTail: () => tail.trim(),
  }
}
