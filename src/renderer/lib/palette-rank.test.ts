import { expect, test } from 'vitest'
import { ranked, rankOf } from './palette-rank.ts'

test('the beginning of a title counts most, then a word of it, its inside, keywords, and the text under it', () => {
  const labels = ['LONG 400', 'How long do I have?', 'Alongside', 'Theme', 'Other', 'Nothing']
  expect(
    labels.map((label) =>
      rankOf('long', {
        label,
        ...(label === 'Theme' ? { keywords: 'belongs' } : {}),
        ...(label === 'Other' ? { description: 'a long text' } : {}),
      }),
    ),
  ).toEqual([0, 1, 2, 3, 4, null])
})

test('case, accents and width do not count', () => {
  expect(['GARANTIA', 'garantía', 'ｇａｒ'].map((query) => rankOf(query, { label: 'Garantía' }))).toEqual([0, 0, 0])
})

test('hits are in the order of their rank, the group with the best hit comes first, ties stay as they were', () => {
  const groups = [
    { group: 'actions', actions: [{ label: 'Run the doctor', keywords: 'long' }] },
    { group: 'conversations', actions: [{ label: 'How long?' }, { label: 'LONG 400' }, { label: 'Long ago' }] },
    { group: 'models', actions: [{ label: 'demo' }] },
  ]
  expect(ranked('long', groups).map(({ group, actions }) => [group, actions.map(({ label }) => label)])).toEqual([
    ['conversations', ['LONG 400', 'Long ago', 'How long?']],
    ['actions', ['Run the doctor']],
  ])
  expect(ranked('', groups).map(({ group }) => group)).toEqual(['actions', 'conversations', 'models'])
})
