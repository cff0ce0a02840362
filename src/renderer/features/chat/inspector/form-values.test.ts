import { expect, test } from 'vitest'
import { MAX_PROMPT_CHARACTERS } from '../../../../shared/contracts/console.ts'
import type { AssistantValues } from '../../../../shared/domain/assistant.ts'
import { parseForm, textsOf, withoutStored } from './form-values.ts'

const values: AssistantValues = {
  name: 'Tea shop',
  model: null,
  systemPrompt: 'You sell tea.',
  parameters: { temperature: 0.3, seed: 0 },
}

test('what stands in the fields is what was stored', () => {
  expect(parseForm(textsOf(values), true)).toEqual({ kind: 'valid', values })
  expect(textsOf(values)).toMatchObject({ name: 'Tea shop', model: '', temperature: '0.3', seed: '0', topP: '' })
})

test('one value that is not allowed keeps every other one from being stored', () => {
  const texts = { ...textsOf(values), temperature: '9', maxTokens: '1.5', systemPrompt: 'Good and short.' }
  expect(parseForm(texts, true)).toEqual({ kind: 'invalid', fields: new Set(['temperature', 'maxTokens']) })
})

test('a name is needed only where there is one, and a prompt has a longest length', () => {
  const texts = { ...textsOf(values), name: ' ' }
  expect(parseForm(texts, true)).toEqual({ kind: 'invalid', fields: new Set(['name']) })
  expect(parseForm(texts, false).kind).toBe('valid')
  const long = { ...textsOf(values), systemPrompt: 'x'.repeat(MAX_PROMPT_CHARACTERS + 1) }
  expect(parseForm(long, true)).toEqual({ kind: 'invalid', fields: new Set(['systemPrompt']) })
})

test('a field edited again while it was stored stays an edit', () => {
  expect(withoutStored({ name: 'B2', temperature: '0.5' }, { name: 'B', temperature: '0.5' })).toEqual({ name: 'B2' })
})
