import { expect, it } from 'vitest'
import { RecentlyUsed } from './recently-used.ts'

it('makes a value once, and gives back the one that was not used for longest', () => {
  const released: string[] = []
  let made = 0
  const kept = new RecentlyUsed<number, string>(2, (value) => released.push(value))
  const get = (key: number): string => kept.get(key, () => `${key}, made ${(made += 1)}`)
  expect([get(1), get(2), get(1)]).toEqual(['1, made 1', '2, made 2', '1, made 1'])
  expect([get(3), released]).toEqual(['3, made 3', ['2, made 2']])
  expect([get(1), get(2), released]).toEqual(['1, made 1', '2, made 4', ['2, made 2', '3, made 3']])
  // A look does not count as a use: 1 is evicted next.
  expect([kept.peek(1), kept.peek(3), get(3), kept.peek(1)]).toEqual(['1, made 1', undefined, '3, made 5', undefined])
  kept.clear()
  expect(released).toEqual(['2, made 2', '3, made 3', '1, made 1', '2, made 4', '3, made 5'])
  expect(get(1)).toBe('1, made 6')
})
