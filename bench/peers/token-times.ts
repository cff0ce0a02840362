import type { StreamedReply } from '../streams.ts'
import { countTokens } from './shape.ts'

/** Arrival times of a reply's tokens, ms on one clock, defined alike for every engine. */
export interface TokenTimes {
  readonly startedMs: number
  readonly tokenMs: readonly number[]
}

/** Tokens that arrive in one piece share its time. */
export function tokenTimes({ startedMs, pieces }: StreamedReply): TokenTimes {
  return {
    startedMs,
    tokenMs: pieces.flatMap(({ atMs, text }) => Array.from({ length: countTokens(text) }, () => atMs)),
  }
}

export function ttftMs({ startedMs, tokenMs }: TokenTimes): number {
  return tokenMs[0]! - startedMs
}

/** Tokens per second after the first token. */
export function decodeRate({ tokenMs }: TokenTimes): number {
  return ((tokenMs.length - 1) / (tokenMs.at(-1)! - tokenMs[0]!)) * 1000
}

/**
 * Tokens per second of all streams together while all of them decode: from the start of the last to the end of the
 * first. null if they never all decode.
 */
export function fullBatchRate(streams: readonly TokenTimes[]): number | null {
  const from = Math.max(...streams.map(({ tokenMs }) => tokenMs[0]!))
  const to = Math.min(...streams.map(({ tokenMs }) => tokenMs.at(-1)!))
  if (to <= from) return null
  const tokens = streams.reduce((sum, { tokenMs }) => sum + tokenMs.filter((at) => at > from && at <= to).length, 0)
  return (tokens / (to - from)) * 1000
}

/** Gaps between the tokens of one stream, ms. */
export function gapsMs({ tokenMs }: TokenTimes): number[] {
  return tokenMs.slice(1).map((at, index) => at - tokenMs[index]!)
}
