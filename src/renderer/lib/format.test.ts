import { expect, test } from 'vitest'
import { bytes, duration, number, when } from './format.ts'

test('numbers are rounded for people and carry their unit', () => {
  expect({
    bytes: [0, 512, 1536, 17 * 1024 ** 2, 432_013_312, 12.4 * 1024 ** 3].map((value) => bytes(value, 'en')),
    duration: [0.4, 42, 9_999, 12_340].map((value) => duration(value, 'en')),
    number: [number(131_072, 'en'), number(61.44, 'zh-CN', 1)],
  }).toEqual({
    bytes: ['0 B', '512 B', '1.5 KB', '17 MB', '412 MB', '12.4 GB'],
    duration: ['0.4 ms', '42 ms', '9,999 ms', '12.3 s'],
    number: ['131,072', '61.4'],
  })
})

test('today shows the time, this week the day, earlier the date, another year the year too', () => {
  const now = new Date(2026, 10, 20, 15, 30).getTime()
  const hour = 3_600_000
  expect([
    when(now - hour, now, 'en-GB'),
    when(now - 48 * hour, now, 'en-GB'),
    when(now - 20 * 24 * hour, now, 'en-GB'),
    when(now - 365 * 24 * hour, now, 'en-GB'),
  ]).toEqual(['14:30', 'Wed', '31 Oct', '20 Nov 2025'])
})
