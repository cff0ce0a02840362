import { expect, test } from 'vitest'
import type { AssistantValues } from '../../shared/domain/assistant.ts'
import { versionChanges } from './version-changes.ts'

const values: AssistantValues = {
  name: 'Shop',
  model: null,
  systemPrompt: 'You help.\nReturns: 30 days.\nBe brief.',
  parameters: { temperature: 0.3, maxTokens: 256 },
}

test('a version that changed nothing says so by an empty list', () => {
  expect(versionChanges(values, { ...values, parameters: { ...values.parameters } })).toEqual([])
})

test('each field that changed is one entry, with what it was and what it is', () => {
  expect(
    versionChanges(values, {
      name: 'Tea shop',
      model: 'tea-7b',
      systemPrompt: 'You help.\nReturns: 14 days.\nWarranty: 24 months.\nBe brief.',
      parameters: { temperature: 0.5, seed: 7 },
    }),
  ).toEqual([
    { kind: 'name', before: 'Shop', after: 'Tea shop' },
    { kind: 'model', before: null, after: 'tea-7b' },
    { kind: 'parameter', name: 'temperature', before: 0.3, after: 0.5 },
    { kind: 'parameter', name: 'maxTokens', before: 256, after: null },
    { kind: 'parameter', name: 'seed', before: null, after: 7 },
    {
      kind: 'prompt',
      lines: [
        { kind: 'removed', text: 'Returns: 30 days.' },
        { kind: 'added', text: 'Returns: 14 days.' },
        { kind: 'added', text: 'Warranty: 24 months.' },
      ],
    },
  ])
})

test('lines that both have in the middle are no change', () => {
  const [before, after] = ['a\nkeep\nb\nkeep too\nc', 'x\nkeep\nkeep too\ny']
  const [change] = versionChanges({ ...values, systemPrompt: before }, { ...values, systemPrompt: after })
  expect(change?.kind === 'prompt' && change.lines.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
    'removed a',
    'added x',
    'removed b',
    'removed c',
    'added y',
  ])
})
