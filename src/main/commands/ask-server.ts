import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { toWire } from '../../shared/domain/sampling.ts'
import { catalogue, type ErrorCode } from '../../shared/errors/catalogue.ts'
import { cancelled } from '../../shared/errors/cancelled.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Question } from './ask.ts'

const chunkSchema = z.object({ choices: z.array(z.object({ delta: z.object({ content: z.string().nullish() }) })) })
const errorSchema = z.object({ error: z.object({ message: z.string(), code: z.string().nullish() }) })

export interface AskServerOptions {
  readonly url: string
  readonly secret: string
  readonly write: (text: string) => void
  readonly signal: AbortSignal
}

/** While the model is loading the request is retried every half second, for two minutes. */
const RETRY_MS = 500
const MAX_TRIES = 240

/**
 * Asks the running instance over its own endpoint and writes the reply as it arrives. Returns false when no instance
 * answers.
 * @throws SwitchboardError the error of the instance; cancelled; engine_crashed when the stream breaks off.
 */
export async function askServer(question: Question, options: AskServerOptions): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await askOnce(question, options)
    } catch (thrown) {
      if (!(thrown instanceof SwitchboardError) || thrown.code !== 'loading' || tries === MAX_TRIES) throw thrown
    }
    await setTimeout(RETRY_MS, undefined, { signal: options.signal })
  }
}

async function askOnce(question: Question, { url, secret, write, signal }: AskServerOptions): Promise<boolean> {
  const body = JSON.stringify({
    model: question.model,
    messages: question.messages,
    stream: true,
    ...toWire(question.parameters),
  })
  let response: Response
  try {
    response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body,
      signal,
    })
  } catch (thrown) {
    if (signal.aborted) throw cancelled(undefined, 'The reply was stopped.')
    // fetch reports a failed connection as a TypeError: the instance has ended.
    if (thrown instanceof TypeError) return false
    throw thrown
  }
  if (!response.ok || response.body === null) throw asError(parseJson(await response.text()))
  try {
    await readEvents(response.body, write)
  } catch (thrown) {
    if (signal.aborted) throw cancelled(undefined, 'The reply was stopped.')
    if (thrown instanceof SwitchboardError) throw thrown
    throw new SwitchboardError('engine_crashed', 'the running instance broke off its reply', { cause: thrown })
  }
  return true
}

async function readEvents(body: ReadableStream<Uint8Array>, write: (text: string) => void): Promise<void> {
  let rest = ''
  for await (const piece of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (!line.startsWith('data: ') || line === 'data: [DONE]') continue
      const data = parseJson(line.slice('data: '.length))
      const chunk = chunkSchema.safeParse(data)
      if (!chunk.success) throw asError(data)
      for (const { delta } of chunk.data.choices) if (typeof delta.content === 'string') write(delta.content)
    }
  }
}

function asError(data: unknown): SwitchboardError {
  const parsed = errorSchema.safeParse(data)
  if (!parsed.success)
    return new SwitchboardError('internal', 'the running instance answered with something unexpected')
  const { message } = parsed.data.error
  const code =
    typeof parsed.data.error.code === 'string' && Object.hasOwn(catalogue, parsed.data.error.code)
      ? (parsed.data.error.code as ErrorCode)
      : 'internal'
  // The endpoint appends the hint to its message; the command line prints it separately.
  const next = ` ${catalogue[code].hint}`
  return new SwitchboardError(code, message.endsWith(next) ? message.slice(0, -next.length) : message)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The caller's schema refuses null.
    return null
  }
}
