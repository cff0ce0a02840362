import { catalogue, type CatalogueEntry, type ErrorCode } from './catalogue.ts'
// Its type alone: every worker and child process throws errors, and few of them need the schema library.
import type { SerialisedError } from './serialised-error.ts'

export type { SerialisedError }

export type ErrorExtras = Omit<SerialisedError, 'code' | 'message'> & { readonly cause?: unknown }

/** The one error class of the product. Messages name the file or field, what was expected and what was found. */
export class SwitchboardError extends Error {
  override readonly name = 'SwitchboardError'
  readonly code: ErrorCode
  readonly param: string | undefined
  readonly retryAfterSeconds: number | undefined
  readonly details: SerialisedError['details']

  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause })
    this.code = code
    this.param = extras.param
    this.retryAfterSeconds = extras.retryAfterSeconds
    this.details = extras.details
  }

  get entry(): CatalogueEntry {
    return catalogue[this.code]
  }
}

/** Any thrown value as plain data. Unknown errors become `internal`; their message does not cross the wire. */
export function serialise(thrown: unknown): SerialisedError {
  if (!(thrown instanceof SwitchboardError)) return { code: 'internal', message: 'Something unexpected went wrong.' }
  return {
    code: thrown.code,
    message: thrown.message,
    ...(thrown.param === undefined ? {} : { param: thrown.param }),
    ...(thrown.retryAfterSeconds === undefined ? {} : { retryAfterSeconds: thrown.retryAfterSeconds }),
    ...(thrown.details === undefined ? {} : { details: thrown.details }),
  }
}

/** The error that plain data stands for. */
export function revive(data: SerialisedError): SwitchboardError {
  const { code, message, ...extras } = data
  return new SwitchboardError(Object.hasOwn(catalogue, code) ? code : 'internal', message, extras)
}
