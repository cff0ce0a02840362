import { expect, test } from 'vitest'
import { nextIndex } from './row-keys.ts'

const titles = ['Anna', 'Bert', 'Bella', '李伟', 'Anton']
const key = (name: string, index: number, typed: string | null = null) => nextIndex({ key: name, typed, index, titles })

test('arrows, pages, Home and End stay inside the list', () => {
  expect([key('ArrowDown', 0), key('ArrowDown', 4), key('ArrowUp', 0), key('ArrowUp', 3)]).toEqual([1, 4, 0, 2])
  expect([key('PageDown', 0), key('PageUp', 3), key('Home', 3), key('End', 0)]).toEqual([4, 0, 0, 4])
})

test('typing goes to the row that begins so, the same letter to the next one', () => {
  expect([key('b', 0, 'b'), key('b', 1, 'b'), key('b', 2, 'bb'), key('e', 1, 'bel'), key('李', 0, '李')]).toEqual([
    1, 2, 1, 2, 3,
  ])
})

test('other keys and words that no row begins with move nothing', () => {
  expect([key('Tab', 0), key('x', 0, 'x')]).toEqual([null, null])
})
