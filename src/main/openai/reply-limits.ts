/** Limits of replies. Times in ms. */
export interface ReplyLimits {
  /** Open replies per key. Below the connection limit, which leaves room for other keys and the console. */
  readonly repliesPerKey: number
  /** A reply that takes longer ends with deadline_exceeded. */
  readonly replyTimeoutMs: number
  /** A stream whose client reads nothing for this long is cut. */
  readonly stalledReaderMs: number
  /** A stream silent for this long gets a comment line, so that no proxy or client times out. */
  readonly keepAliveCommentMs: number
}
