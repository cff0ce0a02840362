import { readFileSync, writeFileSync } from 'node:fs'
import type { ImmediateDisposable } from '../../shared/base/disposable.ts'
import type { ChildProcessHandle } from '../platform/child-process.ts'

const INTERVAL_MS = 250
/** Page size on all Linux targets. */
const PAGE_BYTES = 4096
/** Makes the OOM killer end a job before the program that started it; -1000 to 1000. */
const OOM_SCORE_ADJUSTMENT = '500'

/** Calls `onExceeded` once when the resident memory of a process exceeds the limit. Does nothing outside Linux. */
export function watchMemory(
  child: ChildProcessHandle,
  limitBytes: number,
  onExceeded: (bytes: number) => void,
): ImmediateDisposable {
  if (process.platform !== 'linux') return { dispose: () => undefined }
  let adjusted = false
  const timer = setInterval(() => {
    const { pid } = child
    if (pid === undefined) return
    try {
      if (!adjusted) writeFileSync(`/proc/${pid}/oom_score_adj`, OOM_SCORE_ADJUSTMENT)
      adjusted = true
      const residentPages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1])
      if (residentPages * PAGE_BYTES <= limitBytes) return
      clearInterval(timer)
      onExceeded(residentPages * PAGE_BYTES)
    } catch {
      // The process has just ended, or /proc is not readable: there is nothing to watch.
      clearInterval(timer)
    }
  }, INTERVAL_MS)
  timer.unref()
  return { dispose: () => clearInterval(timer) }
}
