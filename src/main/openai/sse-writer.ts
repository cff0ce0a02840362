import type { ServerResponse } from 'node:http'
import type { Disposable } from '../../shared/base/disposable.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

const comment = ': keep-alive\n\n'

/**
 * Server-sent events on a raw response, with back-pressure: a full socket makes the writer wait, so that text waits in
 * the reply (where deltas are merged) and never here. A reader that takes nothing in time is cut.
 */
export class SseWriter {
  readonly #response: ServerResponse
  readonly #stalledReaderMs: number
  #wroteSinceTick = true

  constructor(response: ServerResponse, stalledReaderMs: number) {
    this.#response = response
    this.#stalledReaderMs = stalledReaderMs
    // the peer is gone: 'close' follows and ends the reply
    response.on('error', () => response.destroy())
  }

  /** Undefined when there is room for more; otherwise a promise of it. @throws SwitchboardError cancelled */
  write(events: string): Promise<void> | undefined {
    if (!this.#writable) throw gone()
    this.#wroteSinceTick = true
    return this.#response.write(events) ? undefined : this.#drained()
  }

  /** Ends the response; a peer that is gone is left alone. */
  end(events: string): void {
    if (this.#writable) this.#response.end(events)
  }

  /** Called at a steady pace: says something when nothing else was said since the last call. */
  tick(): void {
    if (!this.#wroteSinceTick) this.comment()
    this.#wroteSinceTick = false
  }

  /** A line that clients pass over. */
  comment(): void {
    if (this.#writable && !this.#response.writableNeedDrain) this.#response.write(comment)
  }

  get #writable(): boolean {
    return !this.#response.destroyed && !this.#response.writableEnded
  }

  #drained(): Promise<void> {
    const response = this.#response
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void) => {
        clearTimeout(timer)
        response.off('drain', onDrain)
        response.off('close', onClose)
        outcome()
      }
      const onDrain = () => settle(resolve)
      const onClose = () => settle(() => reject(gone()))
      const timer = setTimeout(() => {
        // its buffer is full and will not empty: nothing more can be told to it
        response.destroy()
      }, this.#stalledReaderMs)
      response.once('drain', onDrain)
      response.once('close', onClose)
    })
  }
}

const gone = () => new SwitchboardError('cancelled', 'The client left before the reply was finished.')

/** One timer for all open streams. */
export class KeepAlive implements Disposable {
  readonly #writers = new Set<SseWriter>()
  readonly #timer: NodeJS.Timeout

  constructor(everyMs: number) {
    this.#timer = setInterval(() => {
      for (const writer of this.#writers) writer.tick()
    }, everyMs)
    this.#timer.unref()
  }

  add(writer: SseWriter): Disposable {
    this.#writers.add(writer)
    return { dispose: () => void this.#writers.delete(writer) }
  }

  dispose(): void {
    clearInterval(this.#timer)
  }
}
