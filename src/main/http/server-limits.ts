import type { ReplyLimits } from '../openai/reply-limits.ts'

/** Limits of the endpoint. Times in ms, sizes in bytes. */
export interface ServerLimits extends ReplyLimits {
  readonly bodyBytes: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly connectionCheckMs: number
  readonly keepAliveMs: number
  readonly connections: number
  /** Wrong keys per address and minute before the answer is 429. A valid key is always accepted. */
  readonly wrongKeysPerMinute: number
  readonly consoleConnections: number
  readonly consoleMessageBytes: number
  /** Unsent bytes of one console connection above which its streams wait. */
  readonly consoleBufferBytes: number
  readonly consolePingMs: number
}

export const DEFAULT_LIMITS: ServerLimits = {
  bodyBytes: 1024 * 1024,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 15_000,
  connectionCheckMs: 1000,
  keepAliveMs: 60_000,
  connections: 1200,
  repliesPerKey: 1000,
  wrongKeysPerMinute: 300,
  replyTimeoutMs: 600_000,
  stalledReaderMs: 10_000,
  keepAliveCommentMs: 10_000,
  consoleConnections: 32,
  consoleMessageBytes: 2 * 1024 * 1024,
  consoleBufferBytes: 256 * 1024,
  consolePingMs: 20_000,
}
