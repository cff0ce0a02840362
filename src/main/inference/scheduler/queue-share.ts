/** What waits, or what may: requests and the tokens of their prompts. */
export interface Load {
  readonly requests: number
  readonly tokens: number
}

/**
 * A client that waits already may wait with so many times what stays free: three quarters of the queue while it is
 * alone.
 */
const TIMES_FREE = 3

/**
 * Why a request has to be turned away from a queue; null when it need not. Nobody fills a queue alone: who has
 * something
 * waiting may have no more than three times what then stays free ("dynamic thresholds", Choudhury and Hahne 1998), so
 * that a
 * client without anything waiting finds a place, the shares of those who go on asking approach each other, and nothing
 * that
 * was taken in is thrown out for it.
 * @param limit what may wait altogether.
 * @param all what waits.
 * @param own the client's part of it.
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
