import {
  lowestValue,
  parameterNames,
  parseValue,
  samplingFields,
  type ParameterName,
  type ParameterOverrides,
} from '../../../../shared/domain/sampling.ts'

export interface ParameterField {
  readonly name: ParameterName
  readonly min: number
  readonly max: number
  readonly step: number
  readonly whole: boolean
}

/** The input fields in the order people use them. */
export const parameterFields: readonly ParameterField[] = parameterNames.map((name) => {
  const field = samplingFields[name]
  return { name, min: lowestValue(name), max: field.max, step: field.step, whole: 'integer' in field }
})

export type ParsedParameter =
  | { readonly kind: 'empty' }
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'invalid' }

/** Reads a field as typed. Empty means the default; a comma is a decimal point. */
export function parseParameter(name: ParameterName, text: string): ParsedParameter {
  const trimmed = text.trim().replace(',', '.')
  if (trimmed === '') return { kind: 'empty' }
  const value = parseValue(name, trimmed)
  return value === null ? { kind: 'invalid' } : { kind: 'value', value }
}

/** The overrides with one changed; undefined removes it, so that the default applies again. */
export function withParameter(
  parameters: ParameterOverrides,
  name: ParameterName,
  value: number | undefined,
): ParameterOverrides {
  const { [name]: _, ...rest } = parameters
  return value === undefined ? rest : { ...rest, [name]: value }
}
