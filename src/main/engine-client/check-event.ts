import { z } from 'zod'
import { assertNever } from '../../shared/base/assert-never.ts'
import type { EngineEvent, RequestOutput } from '../../shared/contracts/engine.ts'
import type { EngineState, EngineStats, LoadedModel } from '../../shared/domain/engine.ts'
import { catalogue, type ErrorCode } from '../../shared/errors/catalogue.ts'
import type { SerialisedError } from '../../shared/errors/switchboard-error.ts'

const count = z.int().nonnegative()
const provider = z.enum(['cuda', 'webgpu', 'cpu'])

const error = z.object({
  code: z.enum(Object.keys(catalogue) as ErrorCode[]),
  message: z.string(),
  param: z.string().exactOptional(),
  retryAfterSeconds: z.number().exactOptional(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).exactOptional(),
}) satisfies z.ZodType<SerialisedError>

const stats = z.object({
  running: count,
  waiting: count,
  slots: count,
  freeSlots: count,
  steps: count,
  tokensPerSecond: z.number(),
}) satisfies z.ZodType<EngineStats>

const loaded = z.object({
  model: z.string(),
  precision: z.enum(['fp32', 'fp16', 'int8', 'int4']),
  floats: z.enum(['float32', 'float16']),
  provider,
  refusals: z.array(z.object({ provider, reason: z.string() })),
  contextLength: count,
  vocabularySize: count,
  slots: count,
  lowered: z.object({ slots: count, contextLength: count, neededBytes: count, freeBytes: count }).nullable(),
  weightBytes: count,
  kvBytes: count,
  loadMs: count,
  fullStepMs: count,
}) satisfies z.ZodType<LoadedModel>

/** All events but `outputs`, which arrive with every step and are checked by hand. */
const rareEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('hello'), runtimeVersion: z.string() }),
  z.object({ kind: z.literal('loaded'), loaded, stats }),
  z.object({ kind: z.literal('loadFailed'), error }),
  z.object({ kind: z.literal('stats'), stats }),
]) satisfies z.ZodType<EngineEvent>

/** The outputs that end a request. */
const lastOutput = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('done'),
    requestId: z.string(),
    finishReason: z.enum(['stop', 'length', 'cancelled']),
    completionTokens: count,
    cachedTokens: count,
    timings: z.object({
      queueMs: z.number(),
      ttftMs: z.number(),
      totalMs: z.number(),
      grammarMs: z.number().exactOptional(),
    }),
    drafted: z.object({ proposed: count, accepted: count }).exactOptional(),
  }),
  z.object({ kind: z.literal('failed'), requestId: z.string(), error }),
]) satisfies z.ZodType<RequestOutput>

type Fields = Readonly<Record<string, unknown>>

/**
 * A message of an engine process if it is an event of the contract, else null. The engine reads files from strangers and
 * runs drivers, so nothing it sends is trusted unchecked. Ids outside the vocabulary and values that are not numbers are
 * refused here, so that they can become neither text nor a score.
 * @param vocabularySize of the loaded model; null before it is known.
 */
export function checkEvent(value: unknown, vocabularySize: number | null): EngineEvent | null {
  if (isFields(value) && value['kind'] === 'outputs') {
    const outputs = value['outputs']
    return Array.isArray(outputs) && outputs.every((output) => isOutput(output, vocabularySize ?? 0))
      ? (value as unknown as EngineEvent)
      : null
  }
  return rareEvent.safeParse(value).data ?? null
}

/**
 * Whether an engine in this state may send this event. A second greeting or load would leave the supervisor waiting for
 * a load that nobody does, and callers waiting for replies.
 */
export function isInTurn({ kind }: EngineEvent, state: EngineState['kind']): boolean {
  switch (kind) {
    case 'hello':
      return state === 'starting'
    case 'loaded':
      return state === 'loading'
    case 'loadFailed':
      return state === 'starting' || state === 'loading'
    case 'outputs':
    case 'stats':
      return state === 'ready'
    default:
      return assertNever(kind, 'engine event')
  }
}

function isOutput(value: unknown, vocabularySize: number): boolean {
  if (!isFields(value)) return false
  const { kind, requestId, tokens } = value
  if (kind !== 'tokens' && kind !== 'prompt') return lastOutput.safeParse(value).success
  return typeof requestId === 'string' && Array.isArray(tokens) && tokens.every((each) => isToken(each, vocabularySize))
}

function isToken(value: unknown, vocabularySize: number): boolean {
  if (!isFields(value)) return false
  const { id, logprob, top } = value
  return (
    isId(id, vocabularySize) &&
    (logprob === undefined || Number.isFinite(logprob)) &&
    (top === undefined || (Array.isArray(top) && top.every((other) => isAlternative(other, vocabularySize))))
  )
}

function isAlternative(value: unknown, vocabularySize: number): boolean {
  return isFields(value) && isId(value['id'], vocabularySize) && Number.isFinite(value['logprob'])
}

function isId(value: unknown, vocabularySize: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < vocabularySize
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
