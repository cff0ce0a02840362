import { expect, test } from 'vitest'
import { fakeDoctor } from '../../../shared/contracts/console.fake-data.ts'
import { curlLine } from './curl-line.ts'
import { numberRanges, parseNumberSetting, type NumberSetting } from './number-fields.ts'
import { reportText } from './report-text.ts'

test.each(Object.entries(numberRanges))('the range shown for %s is the range of the contract', (name, { min, max }) => {
  expect([min, max, min - 1, max + 1].map((value) => parseNumberSetting(name as NumberSetting, String(value)))).toEqual(
    [min, max, null, null],
  )
})

test('only whole numbers are taken', () => {
  expect(['', '4.5', '1e1', 'four', '-4', ' 4 '].map((text) => parseNumberSetting('slots', text))).toEqual([
    null,
    null,
    null,
    null,
    null,
    4,
  ])
})

test('the curl line survives quotes in a question', () => {
  expect(curlLine('http://127.0.0.1:4317/v1', 'demo', 'YOUR_KEY', 'What\'s "new"?')).toBe(
    'curl http://127.0.0.1:4317/v1/chat/completions -H "Authorization: Bearer YOUR_KEY" -H "Content-Type: application/json" -d \'{"model":"demo","messages":[{"role":"user","content":"What\'\\\'\'s \\"new\\"?"}]}\'',
  )
})

test('the copied report names every provider and check', () => {
  const text = reportText(fakeDoctor)
  expect(
    [...fakeDoctor.providers.map(({ reason }) => reason), ...fakeDoctor.checks.map(({ message }) => message)].filter(
      (part) => !text.includes(part),
    ),
  ).toEqual([])
})
