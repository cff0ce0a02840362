import { randomInt, randomUUID } from 'node:crypto'
import type { Engine, GenerationEvent, TokenOutput } from '../../../shared/contracts/engine.ts'
import type { FinishReason, Receipt } from '../../../shared/domain/generation.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import type { Tokenizer } from '../../text/tokenizer.ts'
import { samplingFor } from '../../text/generation-defaults.ts'
import { fitPrompt, type Prompt } from '../../text/fit-prompt.ts'
import { grammarOf } from '../../text/reply-grammar.ts'
import { ReplyReader } from './token-reader.ts'
import type { ReplyEvent, ReplyRequest, ReplyService, TokenPiece } from '../answer.ts'
import type { TextModel, TextModels } from '../../text/text-models.ts'
import type { ReplyPart } from './tool-call-reader.ts'

/** Where engines come from; the engine pool is of this shape. */
export interface EngineSource {
  acquire(model: string, signal: AbortSignal): Promise<{ readonly engine: Engine; release(): void }>
}

export interface ReplyDependencies {
  readonly models: Pick<TextModels, 'get'>
  readonly engines: EngineSource
  /** Unsigned 32-bit; the seed of requests without one. */
  readonly randomSeed?: () => number
}

const seeds = 2 ** 32

export function createReplyService({
  models,
  engines,
  randomSeed = () => randomInt(seeds),
}: ReplyDependencies): ReplyService {
  return {
    async *reply(request, signal) {
      signal.throwIfAborted()
      const model = await models.get(request.model)
      const lease = await engines.acquire(model.name, signal)
      try {
        const { contextLength } = lease.engine.loaded
        const prompt = fitPrompt(model.tokenizer, request.input, {
          contextLength,
          maxTokens: request.parameters.maxTokens,
        })
        checkLogitBias(request, model)
        yield* generate(
          { request, model, prompt, engine: lease.engine, seed: request.parameters.seed ?? randomSeed() },
          signal,
        )
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
  const reader = new ReplyReader({
    decoder: tokenizer.decoder({ continues: request.input.kind !== 'chat' }),
    piece: request.logprobs === null ? null : piece,
    stops: request.stop,
    mayCallTools: request.structure?.tools != null,
  })
  const events = engine.generate(
    {
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
    },
    AbortSignal.any([signal, stopped.signal]),
  )

  let started = false
  let echoed = !request.echo
  for await (const event of events) {
    if (!started) {
      if (event.kind === 'done' && event.finishReason === 'cancelled')
        throw new SwitchboardError('cancelled', 'the request was stopped before it began')
      // Only now is the request past everything that can refuse it, the engine's queue included.
      started = true
      yield {
        kind: 'started',
        model: model.name,
        systemFingerprint: model.systemFingerprint,
        promptTokens: prompt.ids.length,
        truncated: prompt.truncated,
        seed,
      }
    }
    if (!echoed) {
      echoed = true
      yield {
        kind: 'prompt',
        text: promptText(request, model, prompt),
        tokens: event.kind === 'prompt' ? promptPieces(prompt, event.tokens, tokenizer, piece) : [],
      }
    }
    if (event.kind === 'tokens') {
      for (const part of reader.push(event.tokens)) yield eventOf(part)
      // The engine still says how long it took.
      if (reader.stopped) stopped.abort()
    }
    if (event.kind === 'done') {
      for (const part of reader.end()) yield eventOf(part)
      // A form ends by itself: a stop string inside it leaves a part of one, as a limit of tokens does.
      const finishReason = request.structure?.format == null ? 'stop' : 'length'
      yield {
        kind: 'done',
        receipt: receiptOf(
          generation,
          event,
          reader.stopped ? { finishReason, completionTokens: reader.taken } : event,
        ),
      }
    }
  }
}

/** Log-probabilities go with content alone, as in OpenAI's API. */
function eventOf(part: ReplyPart<TokenPiece>): ReplyEvent {
  switch (part.kind) {
    case 'content':
      return { kind: 'delta', text: part.text, tokens: part.tokens }
    case 'call':
      return { kind: 'toolCall', index: part.index, id: `call_${randomUUID().replaceAll('-', '')}`, name: part.name }
    case 'arguments':
      return { kind: 'toolArguments', index: part.index, text: part.text }
  }
}

function receiptOf(
  { model, prompt, engine, seed }: Generation,
  done: Extract<GenerationEvent, { kind: 'done' }>,
  end: { readonly finishReason: FinishReason; readonly completionTokens: number },
): Receipt {
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

function pieceMaker({ tokenizer }: TextModel): (token: TokenOutput, released: string) => TokenPiece {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  const show = (id: number): { readonly id: number; readonly text: string; readonly bytes: readonly number[] } => {
    const bytes = tokenizer.bytes(id)
    return { id, text: utf8.decode(bytes), bytes: [...bytes] }
  }
  return ({ id, logprob, top }, released) => ({
    ...show(id),
    released,
    logprob: logprob ?? null,
    top: (top ?? []).map((other) => ({ ...show(other.id), logprob: other.logprob })),
  })
}

/** The engine scores every prompt token but the first. */
function promptPieces(
  prompt: Prompt,
  scored: readonly TokenOutput[],
  tokenizer: Tokenizer,
  piece: (token: TokenOutput, released: string) => TokenPiece,
): readonly TokenPiece[] {
  const decoder = tokenizer.decoder({ continues: false })
  return prompt.ids.map((id, index) => piece(index === 0 ? { id } : (scored[index - 1] ?? { id }), decoder.push(id)))
}

function promptText(request: ReplyRequest, { tokenizer }: TextModel, prompt: Prompt): string {
  return request.input.kind === 'text' ? request.input.prompt.toWellFormed() : tokenizer.decode(prompt.ids)
}

function checkLogitBias({ parameters }: ReplyRequest, { tokenizer }: TextModel): void {
  for (const key of Object.keys(parameters.logitBias ?? {})) {
    const id = Number(key)
    if (!Number.isInteger(id) || id < 0 || id >= tokenizer.vocabularySize)
      throw new SwitchboardError(
        'invalid_request',
        `token id ${key.slice(0, 40)} is not in the vocabulary of ${tokenizer.vocabularySize}`,
        { param: 'logit_bias' },
      )
  }
}
