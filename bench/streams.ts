/** Streams replies from the endpoint and times them on the caller's side. */
export interface Endpoint {
  readonly url: string
  readonly key: string
}

export interface StreamRequest {
  readonly model: string
  /** A question for the chat route, or token ids for the text route. */
  readonly prompt: string | readonly number[]
  readonly tokens: number
  /** Banned, so that every run does the same work. */
  readonly endTokenIds?: readonly number[]
  /** Absent: the engine decides. */
  readonly speculation?: boolean
  readonly signal?: AbortSignal
}

export interface StreamedReply {
  /** Times of the request and of each piece of text, performance.now() in ms. */
  readonly startedMs: number
  readonly pieces: readonly { readonly atMs: number; readonly text: string }[]
  readonly ttftMs: number
  /** Decode speed after the first token. */
  readonly tokensPerSecond: number
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly completionTokens: number
}

/** Request field that switches speculation; ignored by endpoints without it. */
export const speculationField = 'speculation'

interface Chunk {
  readonly choices: readonly { readonly delta?: { readonly content?: string }; readonly text?: string }[]
  readonly usage?: {
    readonly prompt_tokens: number
    readonly completion_tokens: number
    readonly prompt_tokens_details: { readonly cached_tokens: number }
  } | null
  readonly error?: { readonly message: string }
}

/**
 * One streamed greedy reply of exactly `tokens` tokens. Aborting the signal closes the connection and throws its
 * reason.
 */
export async function streamReply(endpoint: Endpoint, request: StreamRequest): Promise<StreamedReply> {
  const { prompt } = request
  const startedMs = performance.now()
  const response = await fetch(
    `${endpoint.url}/v1/${typeof prompt === 'string' ? 'chat/completions' : 'completions'}`,
    {
      method: 'POST',
      headers: { authorization: `Bearer ${endpoint.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: request.model,
        ...(typeof prompt === 'string' ? { messages: [{ role: 'user', content: prompt }] } : { prompt }),
        temperature: 0,
        max_tokens: request.tokens,
        ...(request.endTokenIds === undefined
          ? {}
          : { logit_bias: Object.fromEntries(request.endTokenIds.map((id) => [String(id), -100])) }),
        ...(request.speculation === undefined ? {} : { [speculationField]: request.speculation }),
        stream: true,
        stream_options: { include_usage: true },
      }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    },
  )
  if (!response.ok || response.body === null) throw new Error(`${response.status}: ${await response.text()}`)
  const pieces: { atMs: number; text: string }[] = []
  let usage: NonNullable<Chunk['usage']> | null = null
  let buffered = ''
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const atMs = performance.now()
    buffered += text
    let end = buffered.indexOf('\n\n')
    while (end >= 0) {
      const event = buffered.slice(0, end)
      buffered = buffered.slice(end + 2)
      end = buffered.indexOf('\n\n')
      if (!event.startsWith('data: {')) continue
      const chunk = JSON.parse(event.slice(6)) as Chunk
      if (chunk.error !== undefined) throw new Error(chunk.error.message)
      if (chunk.usage) usage = chunk.usage
      const piece = chunk.choices[0]?.delta?.content ?? chunk.choices[0]?.text ?? ''
      if (piece !== '') pieces.push({ atMs, text: piece })
    }
  }
  const first = pieces[0]
  const last = pieces.at(-1)
  if (usage === null || first === undefined || last === undefined)
    throw new Error('the stream ended without text or usage')
  return {
    startedMs,
    pieces,
    ttftMs: first.atMs - startedMs,
    tokensPerSecond: ((usage.completion_tokens - 1) / (last.atMs - first.atMs)) * 1000,
    promptTokens: usage.prompt_tokens,
    cachedTokens: usage.prompt_tokens_details.cached_tokens,
    completionTokens: usage.completion_tokens,
  }
}

/** Tokens per second of several streams started together, from the first request to the last token. */
export async function parallelStreams(endpoint: Endpoint, requests: readonly StreamRequest[]): Promise<number> {
  const started = performance.now()
  const replies = await Promise.all(requests.map((request) => streamReply(endpoint, request)))
  const total = replies.reduce((sum, reply) => sum + reply.completionTokens, 0)
  return (total / (performance.now() - started)) * 1000
}
