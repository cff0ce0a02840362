import { readFileSync, writeFileSync } from 'node:fs'
import type { ImmediateDisposable } from '../../shared/base/disposable.ts'
import type { ChildProcessHandle } from '../platform/child-process.ts'

const EVERY_MS = 250
/** Linux counts in pages; all our targets use this size. */
const PAGE_BYTES = 4096
/** When memory runs out, a job goes before the program that started it. Linux, -1000 to 1000. */
const OOM_SCORE = '500'

/**
 * Watches the resident memory of a process and reports once when it is too large. Linux only; elsewhere it does
 * nothing.
 */
export function watchMemory(
  child: ChildProcessHandle,
  limitBytes: number,
  onExceeded: (bytes: number) => void,
): ImmediateDisposable {
  if (process.platform !== 'linux') return { dispose: () => undefined }
  let offered = false
  const timer = setInterval(() => {
    const { pid } = child
    if (pid === undefined) return
    try {
      if (!offered) writeFileSync(`/proc/${pid}/oom_score_adj`, OOM_SCORE)
      offered = true
      const residentPages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1])
      if (residentPages * PAGE_BYTES <= limitBytes) return
      clearInterval(timer)
      onExceeded(residentPages * PAGE_BYTES)
    } catch {
      // the process has just ended, or /proc is closed to us: there is nothing to watch
      clearInterval(timer)
    }
  }, EVERY_MS)
  timer.unref()
  return { dispose: () => clearInterval(timer) }
}
