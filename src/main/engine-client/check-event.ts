import { assertNever } from '../../shared/base/assert-never.ts'
import { isRecord } from '../../shared/base/is-record.ts'
import type { EngineEvent } from '../../shared/contracts/engine.ts'
import type { EngineState } from '../../shared/domain/engine.ts'
import { catalogue } from '../../shared/errors/catalogue.ts'

const isText = (value: unknown): value is string => typeof value === 'string'
const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
const isFinite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

/**
 * What an engine sent, if it is an event of the contract; null for anything else. The engine reads files from strangers
 * and
 * runs drivers: what comes from it is believed only this far. Ids outside the vocabulary and numbers that are none are
 * refused here, so that they can become neither text nor a score.
 * @param vocabularySize of the loaded model; null before it is known.
 */
export function checkEvent(value: unknown, vocabularySize: number | null): EngineEvent | null {
  if (!isRecord(value)) return null
  switch (value['kind']) {
    case 'hello':
      return isText(value['runtimeVersion']) ? (value as unknown as EngineEvent) : null
    case 'loaded':
      return isLoaded(value['loaded']) && isStats(value['stats']) ? (value as unknown as EngineEvent) : null
    case 'loadFailed':
      return isError(value['error']) ? (value as unknown as EngineEvent) : null
    case 'stats':
      return isStats(value['stats']) ? (value as unknown as EngineEvent) : null
    case 'outputs': {
      const outputs = value['outputs']
      const limit = vocabularySize ?? 0
      return Array.isArray(outputs) && outputs.every((output) => isOutput(output, limit))
        ? (value as unknown as EngineEvent)
        : null
    }
    default:
      return null
  }
}

/**
 * Whether an engine in this state says this. One that greets or loads a second time, or fails to load what it has
 * loaded, would
 * leave its supervisor waiting for a load that nobody does, and its callers for replies.
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
  if (!isRecord(value) || !isText(value['requestId'])) return false
  switch (value['kind']) {
    case 'prompt':
    case 'tokens': {
      const tokens = value['tokens']
      return Array.isArray(tokens) && tokens.every((token) => isToken(token, vocabularySize))
    }
    case 'done':
      return (
        isReason(value['finishReason']) &&
        isCount(value['completionTokens']) &&
        isCount(value['cachedTokens']) &&
        isTimings(value['timings']) &&
        (value['drafted'] === undefined || isDrafted(value['drafted']))
      )
    case 'failed':
      return isError(value['error'])
    default:
      return false
  }
}

function isToken(value: unknown, vocabularySize: number): boolean {
  if (!isRecord(value) || !isId(value['id'], vocabularySize)) return false
  if (value['logprob'] !== undefined && !isFinite(value['logprob'])) return false
  const top = value['top']
  return (
    top === undefined ||
    (Array.isArray(top) &&
      top.every((other) => isRecord(other) && isId(other['id'], vocabularySize) && isFinite(other['logprob'])))
  )
}

const isId = (value: unknown, vocabularySize: number): boolean => isCount(value) && value < vocabularySize

const isReason = (value: unknown): boolean => value === 'stop' || value === 'length' || value === 'cancelled'

const isTimings = (value: unknown): boolean =>
  isRecord(value) &&
  isFinite(value['queueMs']) &&
  isFinite(value['ttftMs']) &&
  isFinite(value['totalMs']) &&
  (value['grammarMs'] === undefined || isFinite(value['grammarMs']))

const isError = (value: unknown): boolean =>
  isRecord(value) && isText(value['code']) && Object.hasOwn(catalogue, value['code']) && isText(value['message'])

const isDrafted = (value: unknown): boolean =>
  isRecord(value) && isCount(value['proposed']) && isCount(value['accepted'])

const isStats = (value: unknown): boolean =>
  isRecord(value) &&
  ['running', 'waiting', 'slots', 'freeSlots', 'steps'].every((name) => isCount(value[name])) &&
  isFinite(value['tokensPerSecond'])

const isLowered = (value: unknown): boolean =>
  isRecord(value) && ['slots', 'contextLength', 'neededBytes', 'freeBytes'].every((name) => isCount(value[name]))

function isLoaded(value: unknown): boolean {
  return (
    isRecord(value) &&
    isText(value['model']) &&
    isText(value['precision']) &&
    ['float32', 'float16'].includes(String(value['floats'])) &&
    ['cuda', 'webgpu', 'cpu'].includes(String(value['provider'])) &&
    Array.isArray(value['refusals']) &&
    value['refusals'].every(
      (refusal) => isRecord(refusal) && isText(refusal['provider']) && isText(refusal['reason']),
    ) &&
    ['contextLength', 'vocabularySize', 'slots', 'weightBytes', 'kvBytes', 'loadMs', 'fullStepMs'].every((name) =>
      isCount(value[name]),
    ) &&
    (value['lowered'] === null || isLowered(value['lowered']))
  )
}
