import type { OnProgress } from '../platform/long-task.ts'

/** Limits progress reports to ten per second, except for a new step and for the end. */
export function throttleProgress(report: OnProgress, nowMs: () => number, everyMs = 100): OnProgress {
  let last = -Infinity
  let lastStep = ''
  return (fraction, step) => {
    const now = nowMs()
    if (step === lastStep && fraction < 1 && now - last < everyMs) return
    last = now
    lastStep = step
    report(Math.min(1, fraction), step)
  }
}
