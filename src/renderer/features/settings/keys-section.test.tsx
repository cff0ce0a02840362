// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import { FakeConsole } from '../../../shared/contracts/console.fake.ts'
import { renderPage } from '../../stores/testing/page.tsx'
import { KeysSection } from './keys-section.tsx'

const secret = 'sk-f4Ke0123456789abcdef0123456789abcdef'

async function keysUnderTest(fake = new FakeConsole()) {
  const page = await renderPage(<KeysSection />, { fake })
  await page.stores.keys.load()
  await page.until(() => page.text().includes('web-widget'))
  const create = async (name: string): Promise<void> => {
    await page.type('Name of the new key', name)
    await page.press('Create key')
    await page.until(() => page.text().includes(`Key “${name.trim()}” created`))
  }
  return { page, create }
}

test('a key may be named in any script, with spaces inside', async () => {
  const { page, create } = await keysUnderTest()
  await create(' 网店 收银台 2 ')
  await page.press('I have copied it')
  await page.until(() => page.text().includes('网店 收银台 2'))
  const names = (await page.fake.keys.list()).map(({ name }) => name)
  expect(names).toContain('网店 收银台 2')
})

test('what is no name is refused in the field, before anything is sent', async () => {
  const { page } = await keysUnderTest()
  await page.type('Name of the new key', 'shop/till')
  expect(page.text()).toContain('Use 1 to 64 letters')
  expect(page.control('Create key')).toHaveProperty('disabled', true)
  await page.type('Name of the new key', 'a'.repeat(65))
  expect(page.control('Create key')).toHaveProperty('disabled', true)
})

test('Esc does not lose a key that was not copied: it asks, and the key stays', async () => {
  const { page, create } = await keysUnderTest()
  await create('till')
  await page.key('Escape')
  await page.until(() => page.has('Close without copying'))
  expect(page.field('Key').value).toBe(secret)
  await page.press('Close without copying')
  await page.until(() => !page.has('Close without copying'))
  expect(page.text()).not.toContain('created')
})

test('a copied key closes with Esc at once', async () => {
  const { page, create } = await keysUnderTest()
  await create('till')
  await page.press('Copy key')
  await page.until(() => page.has('Copied'))
  await page.key('Escape')
  await page.until(() => !page.text().includes('Key “till” created'))
})

test('a key is bound to an assistant and freed again', async () => {
  const { page } = await keysUnderTest()
  const bound = async () => (await page.fake.keys.list()).find(({ name }) => name === 'web-widget')?.assistantId
  expect(await bound()).toBe('web-shop')
  const select = page.field('Assistant that answers key web-widget')
  expect(select.value).toBe('Web shop')
  await page.key('ArrowDown', {}, select)
  // The field for a new key above has the same options.
  const options = [...document.querySelectorAll<HTMLElement>('[role="option"]')]
  options.findLast(({ textContent }) => textContent === 'As the program asks')?.click()
  await page.until(() => page.field('Assistant that answers key web-widget').value === 'As the program asks')
  expect(await bound()).toBeNull()
})

test('a key bound to an assistant that customers cannot get says that its requests are refused', async () => {
  const fake = new FakeConsole()
  await fake.assistants.unpublish({ id: 'web-shop' })
  const { page } = await keysUnderTest(fake)
  await page.until(() =>
    page.text().includes('Requests with this key are refused: Web shop is not used for customers.'),
  )
  await fake.assistants.remove({ id: 'web-shop' })
  await page.until(() => page.text().includes('Requests with this key are refused: its assistant is gone.'))
})

test('revoking names the key, and the key is struck out afterwards', async () => {
  const { page } = await keysUnderTest()
  await page.press('Revoke key web-widget')
  await page.until(() => page.text().includes('Revoke “web-widget”?'))
  await page.press('Revoke')
  await page.until(() => !page.has('Revoke key web-widget'))
})
