/** Runs a callback before the next frame; `requestAnimationFrame` in a window, a hand-driven queue in tests. */
export type ScheduleFrame = (run: () => void) => void

/**
 * Collects text for several keys and hands it over at most once a frame, so that a fast stream costs one update a frame
 * however many deltas arrive. `flush` hands over at once, for the end of a stream.
 */
export class FrameBatch {
  readonly #schedule: ScheduleFrame
  readonly #apply: (texts: ReadonlyMap<string, string>) => void
  #texts = new Map<string, string>()
  #scheduled = false

  constructor(schedule: ScheduleFrame, apply: (texts: ReadonlyMap<string, string>) => void) {
    this.#schedule = schedule
    this.#apply = apply
  }

  add(key: string, text: string): void {
    this.#texts.set(key, (this.#texts.get(key) ?? '') + text)
    if (this.#scheduled) return
    this.#scheduled = true
    this.#schedule(() => {
      this.#scheduled = false
      this.flush()
    })
  }

  flush(): void {
    if (this.#texts.size === 0) return
    const texts = this.#texts
    this.#texts = new Map()
    this.#apply(texts)
  }
}

/**
 * Frames of a window, with a timer as the way out: a hidden or covered window gets no frames, and a reply has to go on
 * there as well.
 */
export function windowFrames(window: Window): ScheduleFrame {
  return (run) => {
    let done = false
    const once = (): void => {
      if (done) return
      done = true
      window.cancelAnimationFrame(frame)
      window.clearTimeout(timer)
      run()
    }
    const frame = window.requestAnimationFrame(once)
    const timer = window.setTimeout(once, 100)
  }
}
