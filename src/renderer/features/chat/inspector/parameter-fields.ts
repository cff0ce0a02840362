import { parameterSchema } from '../../../../shared/contracts/console.ts'
import type { ParameterOverrides } from '../../../../shared/domain/conversation.ts'

export type ParameterName = keyof ParameterOverrides

export interface ParameterField {
  readonly name: ParameterName
  readonly min: number
  readonly max: number
  readonly whole: boolean
}

/** The fields in the order of use, with the ranges of the contract (a test compares them with the schema). */
export const parameterFields: readonly ParameterField[] = [
  { name: 'temperature', min: 0, max: 2, whole: false },
  { name: 'maxTokens', min: 1, max: 131_072, whole: true },
  { name: 'seed', min: 0, max: 4_294_967_295, whole: true },
  { name: 'topP', min: 0.01, max: 1, whole: false },
  { name: 'topK', min: 0, max: 1000, whole: true },
  { name: 'minP', min: 0, max: 1, whole: false },
  { name: 'repetitionPenalty', min: 0.5, max: 2, whole: false },
  { name: 'frequencyPenalty', min: -2, max: 2, whole: false },
  { name: 'presencePenalty', min: -2, max: 2, whole: false },
]

export type ParsedParameter =
  | { readonly kind: 'empty' }
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'invalid' }

/** Reads a field as typed. Empty means the default; a comma is a decimal point; everything else meets the schema. */
export function parseParameter(name: ParameterName, text: string): ParsedParameter {
  const trimmed = text.trim().replace(',', '.')
  if (trimmed === '') return { kind: 'empty' }
  const value = /^-?(?:\d+(?:\.\d*)?|\.\d+)$/.test(trimmed) ? Number(trimmed) : Number.NaN
  const parsed = parameterSchema.shape[name].safeParse(value)
  return parsed.success && parsed.data !== undefined ? { kind: 'value', value: parsed.data } : { kind: 'invalid' }
}

/** The overrides with one changed; undefined takes it out, so that the default counts again. */
export function withParameter(
  parameters: ParameterOverrides,
  name: ParameterName,
  value: number | undefined,
): ParameterOverrides {
  const { [name]: _, ...rest } = parameters
  return value === undefined ? rest : { ...rest, [name]: value }
}
