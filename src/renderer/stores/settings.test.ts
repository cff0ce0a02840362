import { expect, test } from 'vitest'
import { FakeConsole } from '../../shared/contracts/console.fake.ts'
import { createSettingsStore } from './settings.ts'

test('a change shows at once, is kept, and asks for a restart only where the engine is concerned', async () => {
  const settings = createSettingsStore(new FakeConsole())
  await settings.load()
  await settings.update({ theme: 'dark' })
  expect(settings.store.getState()).toMatchObject({
    settings: { theme: 'dark' },
    saving: { kind: 'saved' },
    engineRestartNeeded: false,
  })
  const saving = settings.update({ slots: 4 })
  expect(settings.store.getState()).toMatchObject({ settings: { slots: 4 }, saving: { kind: 'saving' } })
  await saving
  expect(settings.store.getState().engineRestartNeeded).toBe(true)
  await settings.restartEngine()
  expect(settings.store.getState().engineRestartNeeded).toBe(false)
})
