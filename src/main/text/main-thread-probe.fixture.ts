import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** A block that the code causes is there in every round; what a busy machine or the collector adds is not. */
const MAX_ROUNDS = 3

/**
 * The longest time in ms of CPU that this thread worked without a turn of its event loop while `work` ran: the smallest
 * of up to three rounds. CPU time, because another process that takes the processor is no block.
 * @param goodEnoughMs no further round is needed below it.
 */
export async function longestMainThreadBlock(work: () => Promise<void>, goodEnoughMs: number): Promise<number> {
  let smallest = Infinity
  for (let round = 0; round < MAX_ROUNDS && smallest >= goodEnoughMs; round += 1) {
    const probe = watchMainThread()
    await work()
    smallest = Math.min(smallest, probe.stop())
  }
  return smallest
}

function watchMainThread(): { stop(): number } {
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
