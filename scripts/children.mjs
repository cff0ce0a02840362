import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { root } from './paths.mjs'

export const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP']

/** How long a program's output is still read after its exit: a browser it opened may hold the pipes for hours. */
const DRAIN_MS = 1000

/**
 * Runs a program to its end and passes stop signals on. Resolves to the exit code, 128 + number for a death by signal;
 * rejects when the program cannot be started.
 * `quiet` sends its stdout to stderr: progress, not a result. With `onLine(line, stream)` each line it prints is
 * reported, and still shown unless `show` is false.
 */
export function run(command, args, options = {}) {
  const { quiet = false, onLine, show = true, env = process.env, cwd = root, shell = false } = options
  return new Promise((resolve, reject) => {
    const piped = onLine !== undefined
    const stdio = piped ? ['inherit', 'pipe', 'pipe'] : ['inherit', quiet ? 2 : 'inherit', 'inherit']
    const child = spawn(command, args, { cwd, env, shell, stdio })
    if (piped) for (const name of ['stdout', 'stderr']) readLines(child[name], name, onLine, show)

    // One forward is enough: a second signal tells the app to drop running replies. In a terminal Ctrl+C reaches the
    // whole process group by itself.
    let forwarded = false
    const forward = (signal) => {
      if (forwarded || (signal === 'SIGINT' && process.stdin.isTTY)) return
      forwarded = true
      child.kill(signal)
    }
    for (const signal of STOP_SIGNALS) process.on(signal, forward)
    const settle = (finish) => {
      for (const signal of STOP_SIGNALS) process.off(signal, forward)
      finish()
    }
    child.on('error', (error) => settle(() => reject(error)))
    child.on('exit', () => {
      if (!piped) return
      setTimeout(() => {
        child.stdout.destroy()
        child.stderr.destroy()
      }, DRAIN_MS).unref()
    })
    child.on('close', (code, signal) => settle(() => resolve(code ?? 128 + (constants.signals[signal] ?? 0))))
  })
}

function readLines(stream, name, onLine, show) {
  let rest = ''
  stream.setEncoding('utf8')
  stream.on('data', (text) => {
    if (show) process[name].write(text)
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    for (const line of lines) onLine(line, name)
  })
  stream.on('end', () => {
    if (rest !== '') onLine(rest, name)
  })
}
