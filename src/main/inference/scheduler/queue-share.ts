/** Requests and the tokens of their prompts. */
export interface Load {
  readonly requests: number
  readonly tokens: number
}

/** Queue share of one client, as a multiple of the space left free. At 3 a lone client can hold at most three quarters. */
const TIMES_FREE = 3

/**
 * Why a request is refused by a full queue; null when it is not. A client that is already waiting may hold at most three
 * times the space left free ("dynamic thresholds", Choudhury and Hahne 1998). So a new client always finds a place, the
 * shares of busy clients converge, and accepted requests are never evicted.
 * @param limit of the queue.
 * @param all what is waiting.
 * @param own the part of `all` that belongs to the client.
 * @param tokens of the request's prompt.
 */
export function refusalOf(limit: Load, all: Load, own: Load, tokens: number): string | null {
  if (all.requests >= limit.requests) return `${all.requests} requests are waiting already`
  if (all.tokens + tokens > limit.tokens) return `${all.tokens} prompt tokens are waiting already`
  if (own.requests === 0) return null
  if (own.requests + 1 > TIMES_FREE * (limit.requests - all.requests - 1))
    return `${own.requests} requests of this client are waiting already, and the rest of the queue is kept for others`
  if (own.tokens + tokens > TIMES_FREE * (limit.tokens - all.tokens - tokens))
    return `${own.tokens} prompt tokens of this client are waiting already, and the rest of the queue is kept for others`
  return null
}
