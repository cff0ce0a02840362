/** Bounds of the replies of the endpoint. Times in ms. */
export interface ReplyLimits {
  /** Replies one key may have open at once; the rest of the connections is for other keys and the console. */
  readonly repliesPerKey: number
  /** A reply that takes longer ends with deadline_exceeded. */
  readonly replyTimeoutMs: number
  /** A stream whose client takes nothing for this long is cut. */
  readonly stalledReaderMs: number
  /** Comment lines in a stream that is silent this long, so that nothing on the way gives up on it. */
  readonly keepAliveCommentMs: number
}
