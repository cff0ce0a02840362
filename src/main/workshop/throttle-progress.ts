import type { Progress } from './build.ts'

/** Passes progress on at most ten times a second, always when the step changes or the end is reached. */
export function throttleProgress(report: Progress, nowMs: () => number, everyMs = 100): Progress {
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
