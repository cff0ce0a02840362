import { expect, test } from 'vitest'
import { announceable } from './sentences.ts'

/** What a screen reader hears while the text arrives in these pieces. */
function heard(pieces: readonly string[]): readonly string[] {
  const said: string[] = []
  let text = ''
  let from = 0
  for (const piece of pieces) {
    text += piece
    const { say, upTo } = announceable(text, from)
    if (say !== '') said.push(say)
    from = upTo
  }
  return said
}

test('sentences are announced, tokens are not', () => {
  expect(heard(['Thank', ' you', '.', ' A coll', 'eague', ' writes', ' back! ', 'Bye'])).toEqual([
    'Thank you.',
    'A colleague writes back!',
  ])
})

test('a number with a decimal point is not the end of a sentence', () => {
  expect(heard(['It costs 4', '.', '5', ' euros', '. ', 'Ok'])).toEqual(['It costs 4.5 euros.'])
})

test('Chinese sentences end without a space', () => {
  expect(heard(['您好。', '请把订单号', '发给我。谢'])).toEqual(['您好。', '请把订单号发给我。'])
})
