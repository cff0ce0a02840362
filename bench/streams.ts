/** Streams replies from the endpoint and times them on the caller's side. */
export interface StreamTimes {
  /** From sending the request to the first token's event, ms. */
  readonly ttftMs: number
  /** Decode speed after the first token. */
  readonly tokensPerSecond: number
  readonly promptTokens: number
  readonly completionTokens: number
}

export interface Endpoint {
  readonly url: string
  readonly key: string
}

/** One streamed reply of exactly `tokens` tokens: the end token is biased away, so that every run does the same work. */
export async function streamReply(endpoint: Endpoint, prompt: string, tokens: number, endTokenIds: readonly number[]): Promise<StreamTimes> {
  const started = performance.now()
  const response = await fetch(`${endpoint.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${endpoint.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'demo',
      messages: [{ role: 'user', content: prompt }],
      temperature: 0,
      max_tokens: tokens,
      logit_bias: Object.fromEntries(endTokenIds.map((id) => [String(id), -100])),
      stream: true,
      stream_options: { include_usage: true },
    }),
  })
  if (!response.ok || response.body === null) throw new Error(`${response.status}: ${await response.text()}`)
  let first = 0
  let last = 0
  let usage: { prompt_tokens: number; completion_tokens: number } | undefined
  let buffered = ''
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const now = performance.now()
    buffered += text
    let end = buffered.indexOf('\n\n')
    while (end >= 0) {
      const event = buffered.slice(0, end)
      buffered = buffered.slice(end + 2)
      end = buffered.indexOf('\n\n')
      if (!event.startsWith('data: {')) continue
      const chunk = JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[]; usage?: typeof usage; error?: { message: string } }
      if (chunk.error !== undefined) throw new Error(chunk.error.message)
      if (chunk.usage) usage = chunk.usage
      if ((chunk.choices[0]?.delta.content ?? '') !== '') {
        if (first === 0) first = now
        last = now
      }
    }
  }
  if (usage === undefined) throw new Error('the stream ended without usage')
  return {
    ttftMs: first - started,
    tokensPerSecond: ((usage.completion_tokens - 1) / (last - first)) * 1000,
    promptTokens: usage.prompt_tokens,
    completionTokens: usage.completion_tokens,
  }
}

/** Tokens per second of several equal streams started together, from the first request to the last token. */
export async function parallelStreams(endpoint: Endpoint, prompt: string, tokens: number, endTokenIds: readonly number[], count: number): Promise<number> {
  const started = performance.now()
  const replies = await Promise.all(Array.from({ length: count }, () => streamReply(endpoint, prompt, tokens, endTokenIds)))
  const total = replies.reduce((sum, reply) => sum + reply.completionTokens, 0)
  return (total / (performance.now() - started)) * 1000
}
