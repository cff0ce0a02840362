import type { ImmediateDisposable } from './disposable.ts'

/** One typed event. Events announce state and never steer: to make something happen, call the service. */
export class Emitter<Payload> {
  readonly #listeners = new Set<(payload: Payload) => void>()

  readonly on = (listener: (payload: Payload) => void): ImmediateDisposable => {
    this.#listeners.add(listener)
    return { dispose: () => void this.#listeners.delete(listener) }
  }

  emit(payload: Payload): void {
    for (const listener of [...this.#listeners]) listener(payload)
  }

  get listenerCount(): number {
    return this.#listeners.size
  }
}

/** The listening half of an {@link Emitter}. */
export type Listen<Payload> = (listener: (payload: Payload) => void) => ImmediateDisposable
