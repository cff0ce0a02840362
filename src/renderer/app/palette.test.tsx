// @vitest-environment happy-dom
import { Route, Routes } from 'react-router'
import { afterEach, expect, test, vi } from 'vitest'
import { FakeConsole } from '../../shared/contracts/console.fake.ts'
import { renderPage } from '../stores/testing/page.tsx'
import { palette } from '../ui/palette-control.ts'
import { Palette } from './palette.tsx'

afterEach(() => palette.close())

const field = 'Search actions, assistants, models and conversations'

async function paletteUnderTest(path: string, fake = new FakeConsole()) {
  const showHelp = vi.fn()
  const page = await renderPage(
    <>
      <Palette showHelp={showHelp} />
      <Routes>
        <Route path="*" element={null} />
      </Routes>
    </>,
    { fake, path },
  )
  await page.until(() => page.stores.assistants.store.getState().kind === 'ready')
  await page.until(() => page.stores.models.store.getState().kind === 'ready')
  palette.open()
  await page.until(() => page.stores.finder.store.getState().found.length > 0)
  const labels = (): readonly string[] =>
    [...document.querySelectorAll('[data-action] .mantine-Spotlight-actionLabel')].map(
      ({ textContent }) => textContent ?? '',
    )
  /** Presses the entry of this label, whatever stands beside it. */
  const choose = (label: string): void => {
    const found = [...document.querySelectorAll<HTMLElement>('[data-action]')].find((action) =>
      action.textContent?.startsWith(label),
    )
    if (!found) throw new Error(`no entry ${label} among ${labels().join(', ')}`)
    found.click()
  }
  return { page, showHelp, labels, choose }
}

test('it lists actions with their shortcuts, assistants, models and conversations', async () => {
  const { page, labels } = await paletteUnderTest('/settings')
  for (const label of [
    'New conversation',
    'New conversation with Web shop',
    'Make tea-7b the default model',
    'Parcel 20251103 not arrived',
  ])
    expect(labels()).toContain(label)
  // The default model needs no entry that makes it the default.
  expect(labels()).not.toContain('Make demo the default model')
  expect(page.text()).toContain('Ctrl ,')
})

test('a title that begins with the text comes first, in its group and with its group', async () => {
  const fake = new FakeConsole()
  await fake.conversations.update({ id: 'c-chinese', title: 'How long do I have?' })
  await fake.conversations.update({ id: 'c-cut', title: 'LONG 400' })
  const { page, labels } = await paletteUnderTest('/settings', fake)
  await page.type(field, 'long')
  await page.until(() => labels()[0] === 'LONG 400')
  expect(labels().indexOf('How long do I have?')).toBe(1)
})

test('other words find an action too, in both languages and in pinyin', async () => {
  const { page, labels } = await paletteUnderTest('/settings')
  for (const [text, label] of [
    ['zhuti', 'Dark theme'],
    ['导出', 'Manage assistants'],
    ['cuda', 'Run the doctor'],
  ] as const) {
    await page.type(field, text)
    await page.until(() => labels().includes(label))
    expect(labels()).not.toContain('New conversation')
  }
})

test('in an open conversation an assistant takes over the next reply', async () => {
  const fake = new FakeConsole()
  const { page, choose } = await paletteUnderTest('/chat/c-order', fake)
  const stop = page.stores.chat.open('c-order')
  await page.until(() => page.stores.chat.store.getState().entries['c-order']?.conversation)
  choose('Switch to 退货 Returns')
  await page.until(() => page.stores.chat.store.getState().entries['c-order']?.saving.kind === 'saved')
  expect(await fake.conversations.get({ id: 'c-order' })).toMatchObject({ assistantId: 'returns', model: null })
  stop()
})

test('the sheet of shortcuts is one of its entries', async () => {
  const { choose, showHelp } = await paletteUnderTest('/settings')
  choose('Keyboard shortcuts')
  expect(showHelp).toHaveBeenCalledOnce()
})
