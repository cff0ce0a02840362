import { expect, test } from 'vitest'
import { FakeConsole } from '../../shared/contracts/console.fake.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
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

test('a refused change takes back its own field alone, whatever was changed since', async () => {
  const fake = new FakeConsole()
  const update: FakeConsole['settings']['update'] = async (patch) => {
    if ('theme' in patch) {
      await Promise.resolve()
      throw new SwitchboardError('storage_full', 'no room')
    }
    return fake.settings.update(patch)
  }
  const settings = createSettingsStore({ ...fake, settings: { ...fake.settings, update } })
  await settings.load()
  await Promise.all([settings.update({ theme: 'dark' }), settings.update({ language: 'zh-CN' })])
  expect(settings.store.getState()).toMatchObject({
    settings: { theme: 'auto', language: 'zh-CN' },
    saving: { kind: 'failed' },
  })
})

test('a change in another window asks for a restart here too, until the engine has started', async () => {
  const fake = new FakeConsole()
  const settings = createSettingsStore(fake)
  await settings.load()
  await fake.settings.update({ theme: 'dark' })
  await settings.load()
  expect(settings.store.getState().engineRestartNeeded).toBe(false)
  await fake.settings.update({ contextLength: 8192 })
  await settings.load()
  expect(settings.store.getState()).toMatchObject({ settings: { contextLength: 8192 }, engineRestartNeeded: true })
  settings.engineStarted()
  expect(settings.store.getState().engineRestartNeeded).toBe(false)
})
