import type { ErrorBody } from '../../shared/contracts/openai.ts'
import { catalogue, type ErrorCode } from '../../shared/errors/catalogue.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** An error as it leaves the server. */
export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Default of Retry-After in seconds. */
const RETRY_AFTER: Partial<Record<ErrorCode, number>> = {
  queue_full: 1,
  loading: 2,
  draining: 5,
  rate_limited: 1,
  engine_crashed: 2,
  out_of_memory: 5,
}

/** Error body: always the same four fields, never a stack trace, a path or text of the request. */
function errorBody(error: SwitchboardError): ErrorBody {
  const data = serialise(error)
  const entry = catalogue[data.code]
  return {
    error: {
      message: `${asSentence(data.message)} ${entry.hint}`,
      type: entry.type,
      param: data.param ?? null,
      code: data.code,
    },
  }
}

/** Messages are clauses without a full stop; the hint that follows needs one. */
const asSentence = (clause: string) =>
  `${clause.charAt(0).toUpperCase()}${clause.slice(1)}${/[.!?]$/.test(clause) ? '' : '.'}`

/** An error as status, headers and body. */
export function toHttpAnswer(error: SwitchboardError): HttpAnswer {
  const { httpStatus } = catalogue[error.code]
  const seconds = error.retryAfterSeconds ?? RETRY_AFTER[error.code]
  return {
    status: httpStatus,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...(httpStatus === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...(seconds === undefined ? {} : { 'retry-after': String(Math.ceil(seconds)) }),
    },
    body: JSON.stringify(errorBody(error)),
  }
}

/** The error as an event of a stream that has begun, where a status is no longer possible. No `[DONE]` follows. */
export function toErrorEvent(error: SwitchboardError): string {
  const body = errorBody(error)
  return `data: ${JSON.stringify({ error: { ...body.error, retryable: catalogue[error.code].retryable } })}\n\n`
}

/** Returns a SwitchboardError unchanged; any other error becomes `internal`. */
export function known(thrown: unknown): SwitchboardError {
  if (thrown instanceof SwitchboardError) return thrown
  return new SwitchboardError('internal', 'something unexpected went wrong', { cause: thrown })
}
