import { describe, expect, it } from 'vitest'
import { excerptAround, matchExpression } from './search-text.ts'

it('lets no operator of FTS5 through', () => {
  expect(matchExpression('x OR y NEAR(z, 2)')).toBe('"x"* AND "OR"* AND "y"* AND "NEAR"* AND "z"* AND "2"*')
  expect(matchExpression('""')).toBeNull()
})

describe('an excerpt', () => {
  it.each([
    ['plain', 'the refund takes five days', 'refund', 'the refund takes five days'],
    ['of another case', 'The REFUND', 'refund', 'The REFUND'],
    ['with accents', 'el plazo de devolución', 'devolucion', 'el plazo de devolución'],
    ['decomposed', 'el plazo de devolucio\u0301n', 'devolución', 'el plazo de devolucio\u0301n'],
    ['in Chinese', '我想退款', '退款', '我想退款'],
    ['whose match is not in the text', 'nothing here', 'refund', 'nothing here'],
  ])('of text %s', (_name, text, search, excerpt) => {
    expect(excerptAround(text, search)).toBe(excerpt)
  })

  it.each([
    ['ASCII', 'x '],
    ['accented', 'é '],
    ['characters of two units', '😀 '],
  ])('far into a text of %s characters, across the borders of its pieces, is found', (_name, filler) => {
    for (const before of [300, 390, 395, 399, 400, 401, 5000]) {
      const text = `${filler.repeat(before / filler.length)}der Rückläufer ist da${' und'.repeat(50)}`
      expect(excerptAround(text, 'RUCKLAUFER')).toMatch(/^…[^…]*der Rückläufer ist da und[^…]*…$/u)
    }
  })

  it('shows the first of several terms', () => {
    expect(excerptAround(`alpha ${'x '.repeat(200)}beta`, 'beta alpha')).toMatch(/^alpha/u)
  })
})
