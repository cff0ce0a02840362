import { monotonicFactory } from 'ulid'

const next = monotonicFactory()

/**
 * A new id: 26 letters and digits, later ones sort after earlier ones within this process even when the clock jumps
 * back.
 */
export function newId(): string {
  return next()
}
