import { randomInt, randomUUID } from 'node:crypto'
import type { Engine, GenerationEvent, TokenOutput } from '../../shared/contracts/engine.ts'
import type { FinishReason, Receipt } from '../../shared/domain/generation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { samplingFor } from './generation-defaults.ts'
import { fitPrompt, type Prompt } from './prompt-budget.ts'
import { grammarOf } from './reply-grammar.ts'
import type { ReplyEvent, ReplyRequest, ReplyService, TokenPiece } from './reply-service.ts'
import { ReplyText, type Released } from './reply-text.ts'
import type { TextModel, TextModels } from './text-models.ts'
import { ToolCallReader, type ReplyPart } from './tool-call-reader.ts'

/** Where engines come from; the engine pool is of this shape. */
export interface EngineSource {
  /** @param revision the files whose text side the request was made with. */
  acquire(model: string, signal: AbortSignal, revision: string): Promise<{ readonly engine: Engine; release(): void }>
}

export interface ReplyDependencies {
  readonly models: Pick<TextModels, 'get'>
  readonly engines: EngineSource
  /** Unsigned 32-bit; the seed of requests without one. */
  readonly randomSeed?: () => number
}

const seeds = 2 ** 32

export function createReplyService({ models, engines, randomSeed = () => randomInt(seeds) }: ReplyDependencies): ReplyService {
  return {
    async *reply(request, signal) {
      signal.throwIfAborted()
      const model = await models.get(request.model)
      const lease = await engines.acquire(model.name, signal, model.systemFingerprint)
      try {
        lease.engine.checkRoom(request.priority, request.client)
        const { contextLength } = lease.engine.loaded
        const prompt = fitPrompt(model.tokenizer, request.input, { contextLength, maxTokens: request.parameters.maxTokens })
        checkLogitBias(request, model)
        yield* generate({ request, model, prompt, engine: lease.engine, seed: request.parameters.seed ?? randomSeed() }, signal)
      } finally {
        lease.release()
      }
    },
  }
}

interface Generation {
  readonly request: ReplyRequest
  readonly model: TextModel
  readonly prompt: Prompt
  readonly engine: Engine
  readonly seed: number
}

async function* generate(generation: Generation, signal: AbortSignal): AsyncIterable<ReplyEvent> {
  const { request, model, prompt, engine, seed } = generation
  const { tokenizer } = model
  const piece = pieceMaker(model)
  const stopped = new AbortController()
  const text = new ReplyText(tokenizer.decoder({ continues: request.input.kind !== 'chat' }), request.stop, request.logprobs === null ? null : piece)
  const events = engine.generate({
    requestId: request.requestId,
    promptIds: prompt.ids,
    sampling: samplingFor(model.defaults, request.parameters, seed),
    maxTokens: prompt.maxTokens,
    stopIds: model.stopIds,
    logprobs: request.logprobs,
    promptLogprobs: request.echo ? request.logprobs : null,
    cacheScope: request.client,
    client: request.client,
    priority: request.priority,
    ...(request.speculation === undefined ? {} : { speculation: request.speculation }),
    ...(request.structure == null ? {} : { grammar: grammarOf(request.structure) }),
  }, AbortSignal.any([signal, stopped.signal]))

  const calls = request.structure?.tools == null ? null : new ToolCallReader<TokenPiece>()
  let started = false
  let echoed = !request.echo
  let consumed = 0
  for await (const event of events) {
    if (!started) {
      if (event.kind === 'done' && event.finishReason === 'cancelled') throw new SwitchboardError('cancelled', 'the request was stopped before it began')
      // Only now is the request past everything that can refuse it, the engine's queue included.
      started = true
      yield { kind: 'started', model: model.name, systemFingerprint: model.systemFingerprint, promptTokens: prompt.ids.length, truncated: prompt.truncated, seed }
    }
    if (!echoed) {
      echoed = true
      yield { kind: 'prompt', text: promptText(request, model, prompt), tokens: event.kind === 'prompt' ? promptPieces(prompt, event.tokens, piece) : [] }
    }
    if (event.kind === 'tokens' && !stopped.signal.aborted) {
      const released = takeTokens(text, event.tokens, () => { consumed += 1 })
      yield* eventsOf(released, calls)
      // The engine still says how long it took.
      if (released.stopped) stopped.abort()
    }
    if (event.kind === 'done') {
      const byStopString = stopped.signal.aborted
      const rest = byStopString ? { text: '', tokens: [] } : text.end()
      yield* eventsOf(rest, calls)
      for (const part of calls?.end() ?? []) yield eventOf(part)
      yield { kind: 'done', receipt: receiptOf(generation, event, byStopString ? { finishReason: cutOff(request, calls) ? 'length' : 'stop', completionTokens: consumed } : event) }
    }
  }
}

/** A structure ends by itself: a stop string inside it leaves a part of one, as a limit of tokens does. */
function cutOff({ structure }: ReplyRequest, calls: ToolCallReader<TokenPiece> | null): boolean {
  if (structure == null) return false
  return calls === null || calls.place === 'content' ? structure.format !== null : calls.place === 'call'
}

/** Text as it is, or taken apart where it may call tools; log-probabilities go with content alone, as in OpenAI's API. */
function* eventsOf({ text, tokens }: Pick<Released, 'text' | 'tokens'>, calls: ToolCallReader<TokenPiece> | null): Iterable<ReplyEvent> {
  if (calls === null) {
    if (text !== '' || tokens.length > 0) yield { kind: 'delta', text, tokens }
    return
  }
  for (const part of calls.push(text, tokens)) yield eventOf(part)
}

function eventOf(part: ReplyPart<TokenPiece>): ReplyEvent {
  switch (part.kind) {
    case 'content': return { kind: 'delta', text: part.text, tokens: part.tokens }
    case 'call': return { kind: 'toolCall', index: part.index, id: `call_${randomUUID().replaceAll('-', '')}`, name: part.name }
    case 'arguments': return { kind: 'toolArguments', index: part.index, text: part.text }
  }
}

/** Several tokens of one step as one piece of text; what follows a stop string is ignored. */
function takeTokens(text: ReplyText, tokens: readonly TokenOutput[], onToken: () => void): Released {
  let shown = ''
  const pieces: TokenPiece[] = []
  for (const token of tokens) {
    onToken()
    const released = text.push(token)
    shown += released.text
    pieces.push(...released.tokens)
    if (released.stopped) return { text: shown, tokens: pieces, stopped: true }
  }
  return { text: shown, tokens: pieces, stopped: false }
}

function receiptOf({ model, prompt, engine, seed }: Generation, done: Extract<GenerationEvent, { kind: 'done' }>, end: { readonly finishReason: FinishReason; readonly completionTokens: number }): Receipt {
  const { queueMs, ttftMs, totalMs, grammarMs } = done.timings
  const decodeMs = totalMs - ttftMs
  return {
    model: model.name,
    systemFingerprint: model.systemFingerprint,
    provider: engine.loaded.provider,
    precision: engine.loaded.precision,
    queueMs,
    ttftMs,
    totalMs,
    tokensPerSecond: end.completionTokens > 1 && decodeMs > 0 ? ((end.completionTokens - 1) * 1000) / decodeMs : null,
    promptTokens: prompt.ids.length,
    completionTokens: end.completionTokens,
    cachedTokens: done.cachedTokens,
    ...(grammarMs === undefined ? {} : { grammarMs }),
    finishReason: end.finishReason,
    truncated: prompt.truncated,
    seed,
  }
}

function pieceMaker({ tokenizer }: TextModel): (token: TokenOutput) => TokenPiece {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  const show = (id: number): { readonly id: number; readonly text: string; readonly bytes: readonly number[] } => {
    const bytes = tokenizer.bytes(id)
    return { id, text: utf8.decode(bytes), bytes: [...bytes] }
  }
  return ({ id, logprob, top }) => ({
    ...show(id),
    logprob: logprob ?? null,
    top: (top ?? []).map((other) => ({ ...show(other.id), logprob: other.logprob })),
  })
}

/** The engine scores every prompt token but the first. */
function promptPieces(prompt: Prompt, scored: readonly TokenOutput[], piece: (token: TokenOutput) => TokenPiece): readonly TokenPiece[] {
  return prompt.ids.map((id, index) => piece(index === 0 ? { id } : (scored[index - 1] ?? { id })))
}

function promptText(request: ReplyRequest, { tokenizer }: TextModel, prompt: Prompt): string {
  return request.input.kind === 'text' ? request.input.prompt.toWellFormed() : tokenizer.decode(prompt.ids)
}

function checkLogitBias({ parameters }: ReplyRequest, { tokenizer }: TextModel): void {
  for (const key of Object.keys(parameters.logitBias ?? {})) {
    const id = Number(key)
    if (!Number.isInteger(id) || id < 0 || id >= tokenizer.vocabularySize) throw new SwitchboardError('invalid_request', `token id ${key.slice(0, 40)} is not in the vocabulary of ${tokenizer.vocabularySize}`, { param: 'logit_bias' })
  }
}
