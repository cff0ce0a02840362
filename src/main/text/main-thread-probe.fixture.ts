import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Measures CPU time of this thread alone, so that a busy machine does not count as a block. */
export function watchMainThread(): {
  /** The longest time this thread worked without a turn of its event loop, ms. */
  stop(): number
} {
  // What the test left behind so far must not be collected while it measures.
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  collectGarbage()

  const cpuMs = (): number => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  let before = cpuMs()
  let longest = 0
  const turn = (): void => {
    const now = cpuMs()
    longest = Math.max(longest, now - before)
    before = now
  }
  const timer = setInterval(turn, 1)
  return {
    stop() {
      turn()
      clearInterval(timer)
      return longest
    },
  }
}
