import { expect, test } from 'vitest'
import { firstCharacters, folded } from './fold.ts'

const lines = (count: number): string => Array.from({ length: count }, (_, index) => `line ${index + 1}`).join('\n')

test('twelve lines are shown whole, more are folded to twelve', () => {
  expect(folded(lines(12))).toBe(lines(12))
  expect(folded(lines(2500))).toBe(lines(12))
  expect(folded('')).toBe('')
})

test('one endless line is folded by its length', () => {
  expect(folded('x'.repeat(2001))).toBe('x'.repeat(2000))
})

test('a character that takes two units is kept whole or left out', () => {
  expect(firstCharacters('ab😀', 3)).toBe('ab')
  expect(firstCharacters('ab😀', 4)).toBe('ab😀')
})
