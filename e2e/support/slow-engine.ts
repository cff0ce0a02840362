export interface SlowEngine {
  /** Not a step until {@link fullSpeed}: for seconds only, the engine counts as hung after five. */
  freeze(): void
  fullSpeed(): void
}

/**
 * Lets an engine run only a few milliseconds out of many, by stopping and continuing its process: the demo model
 * answers
 * in a tenth of a second, too fast to be met in the middle of a reply.
 */
export function slowDown(pid: number): SlowEngine {
  const stoppedMs = 80
  const runningMs = 5
  let timer: NodeJS.Timeout
  const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => {
    try {
      process.kill(pid, name)
    } catch {
      // It ended; the test tells whether it should have.
      clearTimeout(timer)
    }
  }
  const stop = (): void => {
    timer = setTimeout(go, stoppedMs)
    signal('SIGSTOP')
  }
  const go = (): void => {
    timer = setTimeout(stop, runningMs)
    signal('SIGCONT')
  }
  stop()
  return {
    freeze: () => {
      clearTimeout(timer)
      signal('SIGSTOP')
    },
    fullSpeed: () => {
      clearTimeout(timer)
      signal('SIGCONT')
    },
  }
}
