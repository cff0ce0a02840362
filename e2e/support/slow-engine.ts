/**
 * Lets an engine run only a few milliseconds out of many, by stopping and continuing its process: the demo model answers
 * in a tenth of a second, too fast to be met in the middle of a reply. Returns the function that lets it run again.
 */
export function slowDown(pid: number): () => void {
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
  return () => {
    clearTimeout(timer)
    signal('SIGCONT')
  }
}
