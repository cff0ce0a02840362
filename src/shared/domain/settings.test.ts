import { expect, test } from 'vitest'
import { defaultSettings, settingRange, settingsPatchSchema, settingsSchema } from './settings.ts'

test('the defaults are settings, and a patch has none of them', () => {
  expect(settingsSchema.parse(defaultSettings)).toEqual(defaultSettings)
  expect(Object.keys(defaultSettings)).toEqual(Object.keys(settingsPatchSchema.shape))
  expect(settingsPatchSchema.parse({})).toEqual({})
  expect(settingsPatchSchema.parse({ slots: 4, theme: undefined })).toEqual({ slots: 4, theme: undefined })
})

test.each(['slots', 'queueRequests', 'contextLength'] as const)('%s has the range of its schema', (name) => {
  const { min, max } = settingRange(name)
  const accepted = [min, max, min - 1, max + 1].map((value) => settingsPatchSchema.safeParse({ [name]: value }).success)
  expect(accepted).toEqual([true, true, false, false])
})
