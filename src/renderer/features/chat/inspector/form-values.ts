import { assistantValuesSchema, MAX_PROMPT_CHARACTERS } from '../../../../shared/contracts/console.ts'
import type { AssistantValues } from '../../../../shared/domain/assistant.ts'
import type { ParameterName } from '../../../../shared/domain/sampling.ts'
import { parameterFields, parseParameter } from './parameter-fields.ts'

/** The values of an assistant, or of a conversation without one, as they stand in the fields: text. */
export type FormTexts = Readonly<Record<FieldName, string>>
export type FieldName = 'name' | 'model' | 'systemPrompt' | ParameterName

/** The focus was asked for, in this field or in the inspector as a whole. */
export interface FieldFocus {
  readonly field: FieldName | null
}

/** Fields the person has changed and that are not stored yet. */
export type Edits = Partial<FormTexts>

export type ParsedForm =
  | { readonly kind: 'valid'; readonly values: AssistantValues }
  | { readonly kind: 'invalid'; readonly fields: ReadonlySet<FieldName> }

export function textsOf({ name, model, systemPrompt, parameters }: AssistantValues): FormTexts {
  const texts = Object.fromEntries(parameterFields.map((field) => [field.name, String(parameters[field.name] ?? '')]))
  return { ...(texts as Record<ParameterName, string>), name, model: model ?? '', systemPrompt }
}

/**
 * Reads the fields. One field that is not allowed makes the whole form invalid: nothing is stored around it.
 * A conversation without an assistant has no name, so that `named` is false for it.
 */
export function parseForm(texts: FormTexts, named: boolean): ParsedForm {
  const invalid = new Set<FieldName>()
  if (named && !assistantValuesSchema.shape.name.safeParse(texts.name).success) invalid.add('name')
  if (texts.systemPrompt.length > MAX_PROMPT_CHARACTERS) invalid.add('systemPrompt')
  const parameters: Partial<Record<ParameterName, number>> = {}
  for (const { name } of parameterFields) {
    const parsed = parseParameter(name, texts[name])
    if (parsed.kind === 'invalid') invalid.add(name)
    else if (parsed.kind === 'value') parameters[name] = parsed.value
  }
  if (invalid.size > 0) return { kind: 'invalid', fields: invalid }
  const model = texts.model === '' ? null : texts.model
  return {
    kind: 'valid',
    values: { name: texts.name.trim(), model, systemPrompt: texts.systemPrompt, parameters },
  }
}

/** The edits without those of the fields that were stored, unless they were edited again since. */
export function withoutStored(edits: Edits, stored: Edits): Edits {
  return Object.fromEntries(Object.entries(edits).filter(([name, text]) => stored[name as FieldName] !== text))
}
