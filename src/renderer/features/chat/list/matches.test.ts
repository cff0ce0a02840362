import { expect, test } from 'vitest'
import { matchesIn } from './matches.ts'

test.each([
  ['Garantía de 24 meses', 'garantia', ['Garantía']],
  ['GARANTÍA, garantia', 'garantía', ['GARANTÍA', 'garantia']],
  ['订单 4711234 到哪里了', '订单', ['订单']],
  ['😀 order 😀 Order', 'order', ['order', 'Order']],
  ['nothing here', 'zzz', []],
  ['blank search', '  ', []],
] as const)('in “%s” the search for “%s” marks %j', (text, search, marked) => {
  expect(matchesIn(text, search).map(({ from, to }) => text.slice(from, to))).toEqual(marked)
})
