import { spawn } from 'node:child_process'
import { root } from './places.mjs'

/**
 * Runs a program to its end with the terminal's own streams and passes signals on.
 * Resolves to the exit code; 128 + number for a death by signal, as shells count.
 */
export function run(command, args, { quiet = false, env = process.env, cwd = root, timeoutMs = 0, shell = false } = {}) {
  return new Promise((resolve, reject) => {
    // quiet: what it prints is progress, not a result, so it goes to stderr.
    const child = spawn(command, args, { cwd, env, shell, stdio: ['inherit', quiet ? 2 : 'inherit', 'inherit'], ...(timeoutMs > 0 ? { timeout: timeoutMs } : {}) })
    settle(child, resolve, reject)
  })
}

/** Like {@link run}, but every line it prints, on either stream, is passed on and shown to `onLine`. */
export function runWatched(command, args, onLine, { env = process.env, cwd = root } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['inherit', 'pipe', 'pipe'] })
    for (const [from, to] of [[child.stdout, process.stdout], [child.stderr, process.stderr]]) {
      let rest = ''
      from.setEncoding('utf8')
      from.on('data', (text) => {
        to.write(text)
        const lines = (rest + text).split('\n')
        rest = lines.pop() ?? ''
        for (const line of lines) onLine(line)
      })
    }
    settle(child, resolve, reject)
  })
}

/** Runs a program and gives back what it printed; nothing is shown. */
export function capture(command, args, { env = process.env, cwd = root, timeoutMs = 60_000 } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: timeoutMs })
    let text = ''
    child.stdout.on('data', (chunk) => { text += chunk })
    child.stderr.on('data', (chunk) => { text += chunk })
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? 1, text }))
  })
}

const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

function settle(child, resolve, reject) {
  const stopForwarding = forwardSignals(child)
  child.on('error', (error) => {
    stopForwarding()
    reject(error)
  })
  child.on('close', (code, signal) => {
    stopForwarding()
    resolve(code ?? 128 + (signalNumbers[signal] ?? 0))
  })
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
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP']
  for (const signal of signals) process.on(signal, forward)
  return () => {
    for (const signal of signals) process.off(signal, forward)
  }
}
