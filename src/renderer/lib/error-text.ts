import type { TFunction } from 'i18next'
import type { SerialisedError } from '../../shared/errors/switchboard-error.ts'

/** What happened and the next step, in the language of the interface. */
export function errorText(t: TFunction, error: Pick<SerialisedError, 'code'>): string {
  return t(`errors.${error.code}`)
}

/** The exact words for the operator to copy: code, field, message, facts. Never translated. */
export function errorDetails(
  error:
    | Pick<SerialisedError, 'code' | 'message' | 'param' | 'details'>
    | { code: string; message: string; param?: string | undefined; details?: SerialisedError['details'] },
): string {
  const facts = Object.entries(error.details ?? {}).map(([name, value]) => `${name}: ${String(value)}`)
  return [
    `${error.code}: ${error.message}`,
    ...(error.param === undefined ? [] : [`field: ${error.param}`]),
    ...facts,
  ].join('\n')
}
