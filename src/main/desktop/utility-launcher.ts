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
 * Starts children with Electron's utilityProcess: the app's own binary refuses to run as plain Node (the RunAsNode fuse
 * is off), so child_process cannot be used in the window's host.
 */
export const launchUtilityProcess: ProcessLauncher = ({ entry, arguments: args = [], name, maxHeapMiB }) => {
  const child = utilityProcess.fork(entry, [...args], {
    env: scrubbedEnvironment(process.env),
    // These are switches of Chromium, which passes V8's flags in one of them.
    execArgv: [`--js-flags=${v8Flags(maxHeapMiB).join(' ')}`],
    stdio: ['ignore', 'pipe', 'pipe'],
    serviceName: name,
  })
  const messages = new Emitter<unknown>()
  const exits = new Emitter<ChildExit>()
  let tail = ''
  let exited = false
  /** What we sent ourselves; Electron reports an exit code only. */
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
      // Electron's own kill asks politely; a process that hangs does not hear that.
      if (child.pid === undefined || !hardKill(child.pid, signal)) child.kill()
    },
    stderrTail: () => tail.trim(),
  }
}

function hardKill(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    // Gone between the check and the signal; its exit is on the way.
    return false
  }
}
