import { utilityProcess } from 'electron'
import { Emitter } from '../../shared/base/emitter.ts'
import {
  scrubbedEnvironment,
  v8Flags,
  MAX_TAIL_CHARACTERS,
  type ChildExit,
  type ProcessLauncher,
} from '../platform/child-process.ts'

/**
 * Starts children with Electron's utilityProcess. child_process cannot be used in the desktop host, because the app's
 * binary does not run as plain Node (the RunAsNode fuse is off).
 */
export const launchUtilityProcess: ProcessLauncher = ({ entry, arguments: args = [], name, maxHeapMiB }) => {
  const child = utilityProcess.fork(entry, [...args], {
    env: scrubbedEnvironment(process.env),
    // Chromium switches, not Node options; V8 flags are passed by --js-flags.
    execArgv: [`--js-flags=${v8Flags(maxHeapMiB).join(' ')}`],
    stdio: ['ignore', 'pipe', 'pipe'],
    serviceName: name,
  })
  const messages = new Emitter<unknown>()
  const exits = new Emitter<ChildExit>()
  let tail = ''
  let exited = false
  /** The signal we sent; Electron reports only an exit code. */
  let sentSignal: NodeJS.Signals | null = null

  const remember = (chunk: unknown): void => {
    tail = (tail + String(chunk)).slice(-MAX_TAIL_CHARACTERS)
  }
  child.stdout?.on('data', remember)
  child.stderr?.on('data', remember)
  child.on('error', (type, location) => remember(`${type} in ${location}\n`))
  child.on('message', (message) => messages.emit(message))
  child.on('exit', (code) => {
    exited = true
    exits.emit({ code, signal: sentSignal, garbage: null })
  })

  return {
    get pid() {
      return child.pid
    },
    send: (message) => {
      if (!exited) child.postMessage(message)
    },
    onMessage: messages.on,
    onExit: exits.on,
    kill: (signal = 'SIGKILL') => {
      if (exited) return
      sentSignal = signal
      // Electron's own kill sends SIGTERM, which a hung process does not handle.
      if (child.pid === undefined || !hardKill(child.pid, signal)) child.kill()
    },
    stderrTail: () => tail.trim(),
  }
}

function hardKill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    // It ended between the check and the signal; its exit event follows.
    return false
  }
}
