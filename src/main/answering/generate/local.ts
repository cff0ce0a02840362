import { randomInt, randomUUID } from 'node:crypto'
import { raceAbort } from '../../../shared/base/cancel-signal.ts'
import type { Engine, GenerationEvent, TokenOutput } from '../../../shared/contracts/engine.ts'
import type { Ask } from '../../../shared/domain/ask.ts'
import type { FinishReason, Receipt } from '../../../shared/domain/generation.ts'
import { cacheScope, type Target, type TargetModel } from '../../../shared/domain/target.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { samplingFor } from '../../text/generation-defaults.ts'
import type { Prompt, TextModel } from '../../text/text-service.ts'
import type { Answerer, AnswerEvent, TokenPiece } from '../answer.ts'
import { TokenReader } from './token-reader.ts'
import type { ReplyPart } from './tool-call-reader.ts'

export interface LocalGenerationOptions {
  /** @throws SwitchboardError model_not_found when the files of this version are gone. */
  readonly texts: { open(model: TargetModel): Promise<TextModel> }
  readonly engines: {
    acquire(
      target: Target,
      signal: AbortSignal,
    ): Promise<{ readonly engine: Engine; ready(): Promise<void>; release(): void }>
  }
  /** Unsigned 32-bit; the seed of requests without one. */
  readonly randomSeed?: () => number
}

const SEEDS = 2 ** 32

/** The last stage of the pipeline: an engine process of this machine writes the answer. */
export function createLocalGeneration({
  texts,
  engines,
  randomSeed = () => randomInt(SEEDS),
}: LocalGenerationOptions): Answerer {
  return {
    async *answer(ask, signal) {
      signal.throwIfAborted()
      const text = await texts.open(ask.target.model)
      const lease = await engines.acquire(ask.target, signal)
      try {
        // A person waits for an engine that restarts; a program is told to come again.
        if (ask.priority === 'interactive') await raceAbort(lease.ready(), signal, stopped)
        const { contextLength } = lease.engine.loaded
        checkLogitBias(ask, text)
        const prompt = await text.prompt(ask.input, { contextLength, maxTokens: ask.parameters.maxTokens }, signal)
        const seed = ask.parameters.seed ?? randomSeed()
        yield* generate({ ask, text, prompt, engine: lease.engine, seed }, signal)
      } finally {
        lease.release()
      }
    },
  }
}

/** The request was stopped before it began. */
const stopped = (): SwitchboardError => new SwitchboardError('cancelled', 'the request was stopped before it began')

interface Generation {
  readonly ask: Ask
  readonly text: TextModel
  readonly prompt: Prompt
  readonly engine: Engine
  readonly seed: number
}

async function* generate(generation: Generation, signal: AbortSignal): AsyncIterable<AnswerEvent> {
  const { ask, text, prompt, engine, seed } = generation
  const { target, input, structure } = ask
  const piece = pieceMaker(text)
  const ended = new AbortController()
  const reader = new TokenReader({
    decoder: text.decoder({ continues: input.kind !== 'chat' || input.begun !== undefined }),
    piece: ask.logprobs === null ? null : piece,
    stops: ask.stop,
    mayCallTools: structure?.tools != null,
  })
  const events = engine.generate(
    {
      requestId: ask.requestId,
      promptIds: prompt.ids,
      sampling: samplingFor(text.defaults, ask.parameters, seed),
      maxTokens: prompt.maxTokens,
      stopIds: text.stopIds,
      logprobs: ask.logprobs,
      promptLogprobs: ask.echo ? ask.logprobs : null,
      cacheScope: cacheScope(target, ask.client),
      client: ask.client,
      priority: ask.priority,
      speculation: ask.speculation,
      ...(structure === null ? {} : { grammar: await text.grammar(structure, signal) }),
    },
    AbortSignal.any([signal, ended.signal]),
  )

  let started = false
  let echoed = !ask.echo
  for await (const event of events) {
    if (!started) {
      if (event.kind === 'done' && event.finishReason === 'cancelled') throw stopped()
      // Only now is the request past everything that can refuse it, the engine's queue included.
      started = true
      yield {
        kind: 'started',
        target,
        promptTokens: prompt.ids.length,
        truncated: prompt.truncated,
        seed,
      }
    }
    if (!echoed) {
      echoed = true
      yield {
        kind: 'prompt',
        text: promptText(ask, text, prompt),
        tokens: event.kind === 'prompt' ? promptPieces(prompt, event.tokens, text, piece) : [],
      }
    }
    if (event.kind === 'tokens') {
      for (const part of reader.push(event.tokens)) yield eventOf(part)
      // The engine still says how long it took.
      if (reader.stopped) ended.abort()
    }
    if (event.kind === 'done') {
      for (const part of reader.end()) yield eventOf(part)
      // A form ends by itself: a stop string inside it leaves a part of one, as a limit of tokens does.
      const finishReason = structure?.format == null ? 'stop' : 'length'
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
function eventOf(part: ReplyPart<TokenPiece>): AnswerEvent {
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
  { ask: { target }, prompt, engine, seed }: Generation,
  done: Extract<GenerationEvent, { kind: 'done' }>,
  end: { readonly finishReason: FinishReason; readonly completionTokens: number },
): Receipt {
  const { queueMs, ttftMs, totalMs, grammarMs } = done.timings
  const decodeMs = totalMs - ttftMs
  return {
    model: target.model.name,
    modelVersion: target.model.version,
    assistant: target.assistant === null ? null : { name: target.assistant.name, version: target.assistant.version },
    systemFingerprint: target.fingerprint,
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

function pieceMaker(text: TextModel): (token: TokenOutput, released: string) => TokenPiece {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  const show = (id: number): { readonly id: number; readonly text: string; readonly bytes: readonly number[] } => {
    const bytes = text.bytes(id)
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
  text: TextModel,
  piece: (token: TokenOutput, released: string) => TokenPiece,
): readonly TokenPiece[] {
  const decoder = text.decoder({ continues: false })
  return prompt.ids.map((id, index) => piece(index === 0 ? { id } : (scored[index - 1] ?? { id }), decoder.push(id)))
}

function promptText({ input }: Ask, text: TextModel, prompt: Prompt): string {
  return input.kind === 'text' ? input.prompt.toWellFormed() : text.decode(prompt.ids)
}

function checkLogitBias({ parameters }: Ask, { vocabularySize }: TextModel): void {
  for (const key of Object.keys(parameters.logitBias ?? {})) {
    const id = Number(key)
    if (!Number.isInteger(id) || id < 0 || id >= vocabularySize)
      throw new SwitchboardError(
        'invalid_request',
        `token id ${key.slice(0, 40)} is not in the vocabulary of ${vocabularySize}`,
        { param: 'logit_bias' },
      )
  }
}
