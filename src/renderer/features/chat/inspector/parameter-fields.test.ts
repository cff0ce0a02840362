import { expect, test } from 'vitest'
import { parameterSchema } from '../../../../shared/contracts/console.ts'
import { parameterFields, parseParameter, withParameter } from './parameter-fields.ts'

test('there is a field for every parameter of the contract', () => {
  expect(parameterFields.map(({ name }) => name).toSorted()).toEqual(Object.keys(parameterSchema.shape).toSorted())
})

test.each(parameterFields)('the range shown for $name is the range of the contract', ({ name, min, max, whole }) => {
  const step = whole ? 1 : 0.011
  expect(
    [min, max, min - step, max + step, min + 0.5 * step].map((value) => parseParameter(name, value.toFixed(4)).kind),
  ).toEqual(['value', 'value', 'invalid', 'invalid', whole ? 'invalid' : 'value'])
})

test('what people type is read, and nonsense is not', () => {
  expect(
    ['', ' ', '0,7', '.5', '0.7 ', '1e0', 'abc', '0x1', '--1', 'NaN', 'Infinity'].map((text) =>
      parseParameter('temperature', text),
    ),
  ).toEqual([
    { kind: 'empty' },
    { kind: 'empty' },
    { kind: 'value', value: 0.7 },
    { kind: 'value', value: 0.5 },
    { kind: 'value', value: 0.7 },
    { kind: 'invalid' },
    { kind: 'invalid' },
    { kind: 'invalid' },
    { kind: 'invalid' },
    { kind: 'invalid' },
    { kind: 'invalid' },
  ])
})

test('going back to the default takes the override out', () => {
  expect(withParameter({ temperature: 0.3, seed: 1 }, 'seed', undefined)).toEqual({ temperature: 0.3 })
  expect(withParameter({ temperature: 0.3 }, 'temperature', 0)).toEqual({ temperature: 0 })
})
