import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { Emitter, type Listen } from '../../shared/base/emitter.ts'
import { encodeFrame, FrameDecoder } from './frame-codec.ts'
import { CHANNEL_VARIABLE } from './parent-channel.ts'

export interface ChildExit {
  readonly code: number | null
  readonly signal: string | null
  /** Why the process was killed for sending an invalid message; null otherwise. */
  readonly garbage: string | null
}

/** A running child process, started by node:child_process (here) or Electron's utilityProcess (desktop/). */
export interface ChildProcessHandle {
  /** Undefined until the process runs, or when it could not be started. */
  readonly pid: number | undefined
  /** Ignored after the process has exited; {@link onExit} reports that. */
  send(message: unknown): void
  readonly onMessage: Listen<unknown>
  /** Fires once, after the last message. */
  readonly onExit: Listen<ChildExit>
  /** Default SIGKILL: a hung process does not handle other signals. */
  kill(signal?: NodeJS.Signals): void
  /** The last {@link MAX_TAIL_CHARACTERS} of stderr and stdout. */
  stderrTail(): string
}

export interface LaunchOptions {
  /** Path of the script, from `processEntry`. */
  readonly entry: string
  readonly arguments?: readonly string[]
  /** Process name shown by system tools, where the platform supports it. */
  readonly name: string
  /** Limit of V8's old generation in MiB; V8's default when absent. */
  readonly maxHeapMiB?: number
}

export type ProcessLauncher = (options: LaunchOptions) => ChildProcessHandle

/**
 * Environment variables passed to a child: those that locate libraries, devices and temporary folders, and the locale.
 * Keys, tokens and proxies of the surrounding shell are withheld from processes that read untrusted files.
 */
const ALLOWED_VARIABLES: readonly RegExp[] = [
  /^(PATH|HOME|USERPROFILE|TMPDIR|TEMP|TMP|LANG|TZ|XDG_RUNTIME_DIR|XDG_CACHE_HOME|LD_LIBRARY_PATH|ELECTRON_RUN_AS_NODE)$/,
  /^LC_[A-Z]+$/,
  /^(CUDA_VISIBLE_DEVICES|CUDA_DEVICE_ORDER|CUDA_PATH|CUDA_HOME|CUDA_CACHE_PATH|NVIDIA_VISIBLE_DEVICES|NVIDIA_DRIVER_CAPABILITIES)$/,
  /^(VK_ICD_FILENAMES|VK_DRIVER_FILES|VK_LAYER_PATH)$/,
  /^(SYSTEMROOT|SYSTEMDRIVE|WINDIR|APPDATA|LOCALAPPDATA|PROGRAMDATA|NUMBER_OF_PROCESSORS|PROCESSOR_ARCHITECTURE)$/i,
]

export function scrubbedEnvironment(source: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(source)) {
    if (value !== undefined && ALLOWED_VARIABLES.some((pattern) => pattern.test(name))) kept[name] = value
  }
  return kept
}

/** Characters of a child's output kept for the report of its exit. */
export const MAX_TAIL_CHARACTERS = 8192

/** Time for output written before the exit to arrive after it. */
const DRAIN_MS = 200

/**
 * Size of V8's young generation in MB. Without a limit it grows to 128 MB in a process that makes many short-lived
 * objects, as the engine does: memory a model could use, and growth in steps that looks like a leak.
 */
export const YOUNG_SPACE_FLAG = '--max-semi-space-size=4'

/** V8 flags of a child. Not passed in NODE_OPTIONS, which Electron ignores when its fuse for it is off. */
export function v8Flags(maxHeapMiB: number | undefined): readonly string[] {
  return [YOUNG_SPACE_FLAG, ...(maxHeapMiB === undefined ? [] : [`--max-old-space-size=${maxHeapMiB}`])]
}

/** Starts a child with node:child_process and a private pipe for messages of bounded length. */
export const launchChildProcess: ProcessLauncher = ({ entry, arguments: args = [], maxHeapMiB }) => {
  const flags = ['--disable-warning=ExperimentalWarning', ...v8Flags(maxHeapMiB)]
  const child = spawn(process.execPath, [...flags, entry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', process.platform === 'win32' ? 'overlapped' : 'pipe'],
    env: { ...scrubbedEnvironment(process.env), [CHANNEL_VARIABLE]: '3' },
    windowsHide: true,
  })
  const messages = new Emitter<unknown>()
  const exits = new Emitter<ChildExit>()
  const decoder = new FrameDecoder()
  const pipe = child.stdio[3] as Socket | null
  let tail = ''
  let garbage: string | null = null
  let exited = false

  const remember = (chunk: string): void => {
    tail = (tail + chunk).slice(-MAX_TAIL_CHARACTERS)
  }
  child.stdout?.setEncoding('utf8').on('data', remember)
  child.stderr?.setEncoding('utf8').on('data', remember)

  pipe?.on('data', (bytes: Buffer) => {
    if (garbage !== null) return
    const received = decoder.push(bytes)
    for (const message of received.messages) messages.emit(message)
    if (received.garbage === null) return
    garbage = received.garbage
    child.kill('SIGKILL')
  })
  // A broken pipe means that the process is exiting, which is reported below.
  pipe?.on('error', () => undefined)

  const exit = (code: number | null, signal: string | null): void => {
    if (exited) return
    exited = true
    pipe?.destroy()
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
      if (pipe !== null && !exited && pipe.writable) pipe.write(encodeFrame(message))
    },
    onMessage: messages.on,
    onExit: exits.on,
    kill: (signal = 'SIGKILL') => void child.kill(signal),
    stderrTail: () => tail.trim(),
  }
}
