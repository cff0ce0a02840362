// @vitest-environment happy-dom
import { expect, test, vi } from 'vitest'
import { renderPage } from '../stores/testing/page.tsx'
import { searchTarget } from '../ui/shortcuts.ts'
import { useShortcuts } from './use-shortcuts.ts'

const showHelp = vi.fn()

function Window() {
  useShortcuts(showHelp)
  return (
    <>
      <input aria-label="search" {...searchTarget} />
      <textarea aria-label="message" />
    </>
  )
}

async function windowUnderTest(path: string) {
  showHelp.mockClear()
  const page = await renderPage(<Window />, { path })
  await page.until(() => page.stores.conversations.store.getState().list.kind === 'ready')
  return page
}

test('Alt with the arrows walks through the conversations in the order of the list', async () => {
  const page = await windowUnderTest('/settings')
  const ids = page.stores.conversations.store.getState().list.value?.map(({ id }) => id) ?? []
  expect(ids.length).toBe(5)
  await page.key('ArrowDown', { altKey: true })
  expect(page.path()).toBe(`/chat/${ids[0]}`)
  await page.key('ArrowDown', { altKey: true })
  expect(page.path()).toBe(`/chat/${ids[1]}`)
  await page.key('ArrowUp', { altKey: true })
  await page.key('ArrowUp', { altKey: true })
  expect(page.path()).toBe(`/chat/${ids[0]}`)
})

test('keys for pages work from anywhere, also while something is typed', async () => {
  const page = await windowUnderTest('/assistants')
  page.field('message').focus()
  await page.key(',', { ctrlKey: true })
  expect(page.path()).toBe('/settings')
  await page.key('n', { ctrlKey: true })
  expect(page.path()).toBe('/chat')
  await page.key(',', { metaKey: true })
  await page.key('˜', { altKey: true, code: 'KeyN' })
  expect(page.path()).toBe('/chat')
})

test('a slash goes to the search and a question mark to the sheet, but not inside a text', async () => {
  const page = await windowUnderTest('/chat')
  const message = page.field('message')
  message.focus()
  await page.key('/')
  await page.key('?')
  expect([document.activeElement, showHelp.mock.calls.length]).toEqual([message, 0])
  message.blur()
  await page.key('/')
  expect(document.activeElement).toBe(page.field('search'))
  page.field('search').blur()
  await page.key('?')
  expect(showHelp).toHaveBeenCalledOnce()
})

test('a composition and an open dialog keep their keys', async () => {
  const page = await windowUnderTest('/assistants')
  await page.key(',', { ctrlKey: true, isComposing: true })
  expect(page.path()).toBe('/assistants')
  const dialog = document.body.appendChild(document.createElement('div'))
  dialog.setAttribute('role', 'dialog')
  dialog.setAttribute('aria-modal', 'true')
  await page.key(',', { ctrlKey: true })
  expect(page.path()).toBe('/assistants')
  dialog.remove()
  await page.key(',', { ctrlKey: true })
  expect(page.path()).toBe('/settings')
})
