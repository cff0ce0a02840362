// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import { FakeConsole } from '../../../../shared/contracts/console.fake.ts'
import type { PageUnderTest } from '../../../stores/testing/page.tsx'
import { renderChat } from '../testing/chat-under-test.tsx'

const links = (): readonly HTMLElement[] => [...document.querySelectorAll<HTMLElement>('aside [data-row]')]
const titles = (): readonly string[] => links().map((link) => link.querySelectorAll('span')[1]?.textContent ?? '')
const focused = (): string | undefined => document.activeElement?.querySelectorAll('span')[1]?.textContent
const listOf = async (options = {}): Promise<PageUnderTest> => {
  const page = await renderChat({ fake: new FakeConsole({ now: Date.now }), ...options })
  await page.until(() => links().length > 0)
  return page
}

test('rows stand under the headings of their days, and Tab stops at one of them', async () => {
  await listOf({ path: '/chat/c-chinese' })
  expect(document.querySelectorAll('aside h2')[0]?.textContent).toMatch(/^(Today|Yesterday)$/)
  expect(links().filter(({ tabIndex }) => tabIndex === 0)).toEqual(
    links().filter((link) => link.getAttribute('aria-current') === 'page'),
  )
})

test('arrows, End and typing move the focus; Enter is the link itself', async () => {
  const page = await listOf()
  const all = titles()
  links()[0]?.focus()
  await page.key('ArrowDown')
  expect(focused()).toBe(all[1])
  await page.key('End')
  expect(focused()).toBe(all.at(-1))
  await page.key('p')
  expect(focused()).toBe('Parcel 20251103 not arrived')
  expect(links().filter(({ tabIndex }) => tabIndex === 0)).toEqual([document.activeElement])
})

test('Delete removes the row, moves on to the next one, and Undo brings it back', async () => {
  const page = await listOf()
  const [first = '', second = ''] = titles()
  links()[0]?.focus()
  await page.key('Delete')
  await page.until(() => page.text().includes(`Deleted “${first}”`))
  expect(focused()).toBe(second)
  await page.press('Undo')
  await page.until(() => titles().includes(first))
})

test('a rename by F2 changes the header and the row at once', async () => {
  const page = await listOf({ path: '/chat/c-order' })
  links()[0]?.focus()
  await page.key('F2')
  await page.type('Title', 'A lost parcel')
  await page.key('Enter', {}, page.field('Title'))
  expect(document.querySelector('h1')?.textContent).toBe('A lost parcel')
  expect(titles()[0]).toBe('A lost parcel')
  expect((await page.fake.conversations.get({ id: 'c-order' })).title).toBe('A lost parcel')
})

test('a search marks what it found, leads to the message, and Esc ends it', async () => {
  const page = await listOf()
  const count = links().length
  await page.type('Search conversations', 'Sevilla')
  await page.until(() => links().length === 1)
  expect([...document.querySelectorAll('aside mark')].map(({ textContent }) => textContent)).toContain('Sevilla')
  await page.key('Escape', {}, page.field('Search conversations'))
  await page.until(() => links().length === count)
  expect(page.field('Search conversations').value).toBe('')
})

test('nothing is searched while an input method composes', async () => {
  const searches: (string | undefined)[] = []
  const fake = new FakeConsole({ now: Date.now })
  const { list } = fake.conversations
  const client = Object.assign(Object.create(fake) as FakeConsole, {
    conversations: {
      ...fake.conversations,
      list: async (input: Parameters<typeof list>[0]) => {
        searches.push(input.search)
        return list(input)
      },
    },
  })
  const page = await listOf({ fake, client })
  searches.length = 0
  const field = page.field('Search conversations')
  const compose = async (text: string): Promise<void> => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(field, text)
    field.dispatchEvent(new InputEvent('input', { bubbles: true, isComposing: true }))
  }
  await compose('n')
  await compose('ni')
  expect(field.value).toBe('ni')
  await compose('鞋子')
  field.dispatchEvent(new CompositionEvent('compositionend', { bubbles: true }))
  await page.until(() => links().length === 1)
  expect(searches).toEqual(['鞋子'])
})

test('only the rows in sight are drawn, and the list goes on to its very end', async () => {
  const fake = new FakeConsole({ now: Date.now })
  for (let index = 0; index < 140; index += 1) {
    const { id } = await fake.conversations.create({})
    await fake.conversations.update({ id, title: `Number ${index}` })
  }
  const page = await listOf({ fake })
  links()[0]?.focus()
  await page.until(async () => {
    await page.key('End')
    return page.stores.conversations.store.getState().nextCursor === null
  })
  await page.until(async () => {
    await page.key('End')
    return focused() === 'Kettle, lamp and chairs'
  })
  expect(page.stores.conversations.store.getState().list.value).toHaveLength(145)
  expect(links().length).toBeLessThan(60)
})
