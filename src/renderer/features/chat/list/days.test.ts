import { expect, test } from 'vitest'
import { dayHeading, dayHeadings } from './days.ts'

const at = (day: number, hour: number, month = 10, year = 2026): number =>
  new Date(year, month, day, hour, 30).getTime()
// A Friday.
const now = at(20, 9)

test('a day is named as people name it', () => {
  const days = [at(20, 0), at(19, 23), at(19, 0), at(18, 12), at(14, 1), at(13, 23), at(3, 9, 0), at(24, 9, 11, 2025)]
  expect(days.map((day) => dayHeading(day, now, 'en'))).toEqual([
    'Today',
    'Yesterday',
    'Yesterday',
    'Wednesday',
    'Saturday',
    'November 13',
    'January 3',
    'December 24, 2025',
  ])
  expect(days.map((day) => dayHeading(day, now, 'zh-CN'))).toEqual([
    '今天',
    '昨天',
    '昨天',
    '星期三',
    '星期六',
    '11月13日',
    '1月3日',
    '2025年12月24日',
  ])
})

test('the hour that a clock change adds or takes does not move a day', () => {
  expect(dayHeading(at(25, 23, 9), at(26, 0, 9), 'en')).toBe('Yesterday')
})

test('a heading stands before the first time of each day', () => {
  expect(dayHeadings([at(20, 8), at(20, 0), at(19, 23), at(19, 1), at(18, 12)], now, 'en')).toEqual([
    'Today',
    null,
    'Yesterday',
    null,
    'Wednesday',
  ])
  expect(dayHeadings([], now, 'en')).toEqual([])
})
