import type { Receipt, Truncation } from '../../../shared/domain/generation.ts'
import type { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import type { Ask } from '../../../shared/domain/ask.ts'
import type { Answerer, AnswerEvent, TokenPiece } from '../answer.ts'

/** Course of one reply. */
export interface FakeScript {
  /** One delta and one token each. `endless` repeats them until the reply is stopped. */
  readonly deltas?: readonly string[]
  readonly endless?: boolean
  /** Called after the deltas; each text is one piece of the arguments. */
  readonly calls?: readonly { readonly id: string; readonly name: string; readonly pieces: readonly string[] }[]
  /** Thrown before `started`. */
  readonly refusal?: SwitchboardError
  /** Thrown after the queue, before `started`. */
  readonly refusalAfterQueue?: SwitchboardError
  /** Thrown after this many deltas. */
  readonly failure?: { readonly after: number; readonly error: SwitchboardError | Error }
  /** Awaited before `started`: the queue. */
  readonly queued?: Promise<void>
  /** Awaited before each delta. */
  readonly paced?: () => Promise<void>
  readonly truncated?: Truncation
}

/** An answerer without a model: follows a script, records requests, and stops when aborted. */
export class FakeAnswerer implements Answerer {
  readonly requests: Ask[] = []
  script: (request: Ask) => FakeScript = () => ({})
  /** Replies in progress. */
  running = 0
  /** Replies that were aborted or abandoned. */
  stopped = 0
  /** Deltas yielded by all replies. */
  deltas = 0

  async *answer(request: Ask, signal: AbortSignal): AsyncGenerator<AnswerEvent, void, void> {
    this.requests.push(request)
    const script = this.script(request)
    this.running++
    let finished = false
    try {
      if (script.refusal !== undefined) throw script.refusal
      await orAborted(script.queued, signal)
      if (script.refusalAfterQueue !== undefined) throw script.refusalAfterQueue
      yield {
        kind: 'started',
        target: request.target,
        promptTokens: 3,
        truncated: script.truncated ?? null,
        seed: request.parameters.seed ?? 7,
      }
      if (request.echo) yield promptEvent(request)
      yield* this.#body(request, script, signal)
      finished = true
    } finally {
      this.running--
      if (!finished) this.stopped++
    }
  }

  async *#body(request: Ask, script: FakeScript, signal: AbortSignal): AsyncGenerator<AnswerEvent, void, void> {
    const texts = script.deltas ?? ['Good', ' day', ' 你好', '.']
    const limit = request.parameters.maxTokens ?? Infinity
    let count = 0
    while (count < limit && (script.endless === true || count < texts.length)) {
      if (script.failure?.after === count) throw script.failure.error
      if (script.paced !== undefined) await orAborted(script.paced(), signal)
      else if (count % 64 === 63) await new Promise((resolve) => setImmediate(resolve))
      if (signal.aborted) break
      const text = texts[count % texts.length] ?? ''
      count++
      this.deltas++
      yield { kind: 'delta', text, tokens: request.logprobs === null ? [] : [piece(text, -0.25, request.logprobs)] }
    }
    for (const [index, { id, name, pieces }] of (script.calls ?? []).entries()) {
      yield { kind: 'toolCall', index, id, name }
      for (const text of pieces) yield { kind: 'toolArguments', index, text }
    }
    if (signal.aborted) this.stopped++
    yield {
      kind: 'done',
      receipt: receiptOf(request, script, count, signal.aborted ? 'cancelled' : count >= limit ? 'length' : 'stop'),
    }
  }
}

function promptEvent(request: Ask): AnswerEvent {
  const words =
    request.input.kind === 'text'
      ? request.input.prompt.split(/(?= )/)
      : request.input.kind === 'ids'
        ? request.input.ids.map((id) => `<${id}>`)
        : []
  const tokens =
    request.logprobs === null ? [] : words.map((word, at) => piece(word, at === 0 ? null : -1, request.logprobs ?? 0))
  return { kind: 'prompt', text: words.join(''), tokens }
}

function piece(text: string, logprob: number | null, alternatives: number): TokenPiece {
  const bytes = [...Buffer.from(text)]
  const top =
    logprob === null
      ? []
      : Array.from({ length: alternatives }, (_, at) => ({
          id: at,
          text: at === 0 ? text : `other${at}`,
          bytes: at === 0 ? bytes : [111],
          logprob: logprob - at,
        }))
  return { id: text.length, text, bytes, released: text, logprob, top }
}

function receiptOf(request: Ask, script: FakeScript, count: number, finishReason: Receipt['finishReason']): Receipt {
  return {
    model: request.target.model.name,
    systemFingerprint: request.target.fingerprint,
    provider: 'cpu',
    precision: 'fp32',
    queueMs: 1,
    ttftMs: 2,
    totalMs: 3,
    tokensPerSecond: 100,
    promptTokens: 3,
    completionTokens: count,
    cachedTokens: 1,
    finishReason,
    truncated: script.truncated ?? null,
    seed: request.parameters.seed ?? 7,
  }
}

async function orAborted(waiting: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  if (waiting === undefined || signal.aborted) return
  let leave = (): void => undefined
  const aborted = new Promise<void>((resolve) => (leave = resolve))
  signal.addEventListener('abort', leave, { once: true })
  await Promise.race([waiting, aborted]).finally(() => signal.removeEventListener('abort', leave))
}
