import { monotonicFactory } from 'ulid'

const next = monotonicFactory()

/** A new ULID: 26 letters and digits. Within one thread ids sort by creation, even when the clock jumps back. */
export function newId(): string {
  return next()
}
