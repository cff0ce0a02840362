import { expect, test } from 'vitest'
import {
  fromWire,
  lowestValue,
  parameterNames,
  parameterSchema,
  parseParameter,
  parseValue,
  samplingFields,
  toWire,
  type ParameterOverrides,
} from './sampling.ts'

test('every parameter survives the way over the wire', () => {
  const all: ParameterOverrides = Object.fromEntries(parameterNames.map((name) => [name, samplingFields[name].max]))
  expect(parameterSchema.parse(fromWire(toWire(all)))).toEqual(all)
  expect(toWire({ topP: 0.5, maxTokens: 3 })).toEqual({ top_p: 0.5, max_tokens: 3 })
  expect(parameterSchema.parse(fromWire({ top_p: null, min_p: 0.1 }))).toEqual({ minP: 0.1 })
})

test.each(parameterNames)('%s has the bounds of its schema', (name) => {
  const { max, step } = samplingFields[name]
  const accepted = [lowestValue(name), max, lowestValue(name) - step, max + step].map(
    (value) => parameterSchema.safeParse({ [name]: value }).success,
  )
  expect(accepted).toEqual([true, true, false, false])
})

test('standard values are in range', () => {
  const standard = parameterNames.map((name) => [name, samplingFields[name].standard] as const)
  const given = Object.fromEntries(standard.filter(([, value]) => value !== null))
  expect(parameterSchema.parse(given)).toEqual(given)
  expect(Object.keys(given)).toHaveLength(parameterNames.length - 2)
})

test('only plain decimal numbers are values', () => {
  expect(
    ['0.3', '.5', '2', '1e0', '0x1', '', ' 1', 'NaN', '--1', '3'].map((text) => parseValue('temperature', text)),
  ).toEqual([0.3, 0.5, 2, null, null, null, null, null, null, null])
})

test('options of the command line name the parameter either way', () => {
  expect(
    ['temperature=0.3', 'topP=0.5', 'top_p=0.5', 'maxTokens=20', 'frequency_penalty=-1'].map(parseParameter),
  ).toEqual([{ temperature: 0.3 }, { topP: 0.5 }, { topP: 0.5 }, { maxTokens: 20 }, { frequencyPenalty: -1 }])
})

test.each([
  ['temperature', 'NAME=VALUE'],
  ['heat=1', 'NAME=VALUE'],
  ['__proto__=1', 'NAME=VALUE'],
  ['temperature=', 'from 0 to 2'],
  ['temperature=3', 'from 0 to 2'],
  ['temperature=1=2', 'from 0 to 2'],
  ['topP=0', 'from 0.01 to 1'],
  ['topK=1.5', 'whole number'],
])('the option %s is refused', (text, message) => {
  expect(() => parseParameter(text)).toThrow(
    expect.objectContaining({ code: 'invalid_arguments', message: expect.stringContaining(message) as string }),
  )
})
