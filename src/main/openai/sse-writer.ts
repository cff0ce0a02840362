import type { ServerResponse } from 'node:http'
import type { Disposable } from '../../shared/base/disposable.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

const COMMENT = ': keep-alive\n\n'

/**
 * Server-sent events on a raw response, with back-pressure: while the socket is full the writer waits, and text
 * collects in the reply, where deltas are merged. A client that does not read in time is disconnected.
 */
export class SseWriter {
  readonly #response: ServerResponse
  readonly #stalledReaderMs: number
  #wroteSinceTick = true

  constructor(response: ServerResponse, stalledReaderMs: number) {
    this.#response = response
    this.#stalledReaderMs = stalledReaderMs
    // The client has disconnected: 'close' follows and ends the reply.
    response.on('error', () => response.destroy())
  }

  /** Resolves when there is room again; undefined when there still is. @throws SwitchboardError cancelled */
  write(events: string): Promise<void> | undefined {
    if (!this.#writable) throw gone()
    this.#wroteSinceTick = true
    return this.#response.write(events) ? undefined : this.#drained()
  }

  /** Ends the response, unless the client has disconnected. */
  end(events: string): void {
    if (this.#writable) this.#response.end(events)
  }

  /** Called at the keep-alive interval: writes a comment when nothing was written since the last call. */
  tick(): void {
    if (!this.#wroteSinceTick) this.comment()
    this.#wroteSinceTick = false
  }

  /** Writes a line that clients ignore. */
  comment(): void {
    if (this.#writable && !this.#response.writableNeedDrain) this.#response.write(COMMENT)
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
        // The buffer stays full, so not even an error can be sent.
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
