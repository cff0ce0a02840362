import { expect, it } from 'vitest'
import { RecentlyUsed } from './recently-used.ts'

it('makes a value once, and evicts the least recently used one', () => {
  const released: string[] = []
  let made = 0
  const cache = new RecentlyUsed<number, string>(2, (value) => released.push(value))
  const get = (key: number): string => cache.get(key, () => `${key}, made ${(made += 1)}`)
  expect([get(1), get(2), get(1)]).toEqual(['1, made 1', '2, made 2', '1, made 1'])
  expect([get(3), released]).toEqual(['3, made 3', ['2, made 2']])
  expect([get(1), get(2), released]).toEqual(['1, made 1', '2, made 4', ['2, made 2', '3, made 3']])
  cache.clear()
  expect(released).toEqual(['2, made 2', '3, made 3', '1, made 1', '2, made 4'])
  expect(get(1)).toBe('1, made 5')
})

it('looks without counting as a use, and releases what is deleted', () => {
  const released: string[] = []
  const cache = new RecentlyUsed<string, string>(2, (value) => released.push(value))
  for (const key of ['a', 'b']) cache.get(key, () => key.toUpperCase())
  expect([cache.peek('a'), cache.peek('x')]).toEqual(['A', undefined])
  cache.get('c', () => 'C')
  cache.delete('b')
  cache.delete('b')
  expect([released, cache.peek('c')]).toEqual([['A', 'B'], 'C'])
})
