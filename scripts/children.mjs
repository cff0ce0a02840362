import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { performance } from 'node:perf_hooks'
import { root } from './places.mjs'

/**
 * Runs a program to its end with the terminal's own streams and passes signals on.
 * Resolves to the exit code; 128 + number for a death by signal, as shells count.
 */
export function run(
  command,
  args,
  { quiet = false, env = process.env, cwd = root, timeoutMs = 0, shell = false } = {},
) {
  return new Promise((resolve, reject) => {
    // quiet: what it prints is progress, not a result, so it goes to stderr.
    const child = spawn(command, args, {
      cwd,
      env,
      shell,
      stdio: ['inherit', quiet ? 2 : 'inherit', 'inherit'],
      ...(timeoutMs > 0 ? { timeout: timeoutMs } : {}),
    })
    settle(child, resolve, reject)
  })
}

/**
 * Like {@link run}, but every line it prints, on either stream, is passed on and shown to `onLine` with the name of the
 * stream.
 */
export function runWatched(command, args, onLine, { env = process.env, cwd = root } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['inherit', 'pipe', 'pipe'] })
    for (const name of ['stdout', 'stderr']) {
      let rest = ''
      child[name].setEncoding('utf8')
      child[name].on('data', (text) => {
        process[name].write(text)
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) onLine(line, name)
      })
      child[name].on('end', () => {
        if (rest !== '') onLine(rest, name)
      })
    }
    settle(child, resolve, reject)
  })
}

/**
 * Runs a program and gives back what it printed; nothing is shown. It is ended, `stalled`, when `progress` has not
 * changed
 * for `timeoutMs`; without one, that is the longest it may take.
 */
export function capture(command, args, { env = process.env, cwd = root, timeoutMs = 60_000, progress = () => 0 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let text = ''
    let stalled = false
    let seen = progress()
    let since = performance.now()
    const watch = setInterval(() => {
      const now = progress()
      if (now !== seen) since = performance.now()
      seen = now
      if (performance.now() - since < timeoutMs) return
      stalled = true
      child.kill()
    }, 250)
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    child.stderr.on('data', (chunk) => {
      text += chunk
    })
    child.on('error', (error) => {
      clearInterval(watch)
      reject(error)
    })
    child.on('close', (code) => {
      clearInterval(watch)
      resolve({ code: code ?? 1, text, stalled })
    })
  })
}

/** Requests to stop; all of them reach the child that runs. */
export const stopSignals = ['SIGTERM', 'SIGINT', 'SIGHUP']

function settle(child, resolve, reject) {
  const stopForwarding = forwardSignals(child)
  child.on('error', (error) => {
    stopForwarding()
    reject(error)
  })
  const end = (code, signal) => {
    stopForwarding()
    resolve(code ?? 128 + (constants.signals[signal] ?? 0))
  }
  child.on('close', end)
  // What it started and left behind, a browser for a link perhaps, may hold its streams for hours; what it said itself
  // is here by then.
  child.on('exit', (code, signal) =>
    setTimeout(() => {
      child.stdout?.destroy()
      child.stderr?.destroy()
      end(code, signal)
    }, 1000).unref(),
  )
}

/**
 * One request to stop reaches the child once: a second one means "at once" to it. Ctrl-C in a terminal reaches the
 * whole group by itself, and npm repeats signals to us, so repeats within half a second are one press.
 */
function forwardSignals(child) {
  let last = 0
  const forward = (signal) => {
    const now = Date.now()
    if (now - last < 500) return
    last = now
    if (signal === 'SIGINT' && process.stdin.isTTY) return
    child.kill(signal)
  }
  for (const signal of stopSignals) process.on(signal, forward)
  return () => {
    for (const signal of stopSignals) process.off(signal, forward)
  }
}
