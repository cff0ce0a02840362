// @vitest-environment happy-dom
import { expect, test } from 'vitest'
import { MAX_MESSAGE_CHARACTERS } from '../../../../shared/contracts/console.ts'
import { fakeReceipt } from '../../../../shared/contracts/console.fake-data.ts'
import { FakeConsole } from '../../../../shared/contracts/console.fake.ts'
import { SwitchboardError } from '../../../../shared/errors/switchboard-error.ts'
import { exchange, renderChat } from '../testing/chat-under-test.tsx'

const open = (reply: Parameters<typeof exchange>[0], question?: string) =>
  renderChat({
    fake: new FakeConsole({ conversations: [exchange(reply, question)] }),
    path: '/chat/c-one',
  })

test('a text that is too long stays whole, cannot be sent, and its beginning can', async () => {
  const page = await open({})
  const rest = 'the end'
  await page.type('Message', 'x'.repeat(MAX_MESSAGE_CHARACTERS) + rest)
  expect(page.text()).toContain('200,000 of 200,007 characters fit into one message.')
  expect(page.field('Message').value).toHaveLength(MAX_MESSAGE_CHARACTERS + rest.length)
  expect((page.control('Send') as HTMLButtonElement).disabled).toBe(true)
  await page.key('Enter', {}, page.field('Message'))
  expect((await page.fake.conversations.get({ id: 'c-one' })).messages).toHaveLength(2)
  await page.press('Send what fits')
  await page.until(async () => (await page.fake.conversations.get({ id: 'c-one' })).messages.length === 4)
  expect(page.field('Message').value).toBe(rest)
  const { messages } = await page.fake.conversations.get({ id: 'c-one' })
  expect(messages[2]?.content).toHaveLength(MAX_MESSAGE_CHARACTERS)
})

test('a reply that ended at the token limit says so and goes on in the same message', async () => {
  const page = await open({ receipt: { ...fakeReceipt, finishReason: 'length', completionTokens: 6 } })
  await page.until(() => page.text().includes('Cut off at 6 tokens.'))
  await page.press('Continue')
  await page.until(() => !page.text().includes('Cut off at'))
  const { messages } = await page.fake.conversations.get({ id: 'c-one' })
  expect(messages.map(({ id }) => id)).toEqual(['question', 'reply'])
  expect(messages[1]?.content.startsWith('On its way')).toBe(true)
  expect(messages[1]?.content.length).toBeGreaterThan('On its way'.length)
})

test('longer replies are allowed in the field for it', async () => {
  const page = await open({ receipt: { ...fakeReceipt, finishReason: 'length' } })
  await page.until(() => page.has('Allow longer replies'))
  await page.press('Allow longer replies')
  await page.until(() => document.activeElement?.id === 'parameter-maxTokens')
})

test('a stopped reply can go on', async () => {
  const page = await open({ state: { kind: 'stopped' } })
  await page.until(() => page.text().includes('Stopped. What was written is kept.'))
  await page.press('Continue')
  await page.until(
    async () => (await page.fake.conversations.get({ id: 'c-one' })).messages[1]?.state.kind === 'complete',
  )
})

test('a message larger than the context says both counts and leads back to it', async () => {
  const error = {
    code: 'context_length_exceeded',
    message: 'the prompt has 9000 tokens',
    details: { promptTokens: 9000, contextLength: 2048 },
  } as const
  const page = await open({ content: '', receipt: null, state: { kind: 'interrupted', error } })
  await page.until(() => page.text().includes('The message needs 9,000 tokens, the context holds 2,048.'))
  expect(page.has('Retry')).toBe(false)
  await page.press('Edit')
  expect(page.field('Edited message').value).toBe('Where is it?')
})

test('messages that are not read any more are parted by one line, and the receipt says it in a word', async () => {
  const page = await renderChat({ path: '/chat/c-cut' })
  await page.until(() => page.text().includes('Earlier messages are not read any more'))
  expect(page.text().split('Earlier messages are not read any more')).toHaveLength(2)
  expect(page.text()).toContain('earlier messages not read')
})

test('a long question is folded and can be unfolded', async () => {
  const lines = Array.from({ length: 40 }, (_, index) => `line ${index + 1}`)
  const page = await open({}, lines.join('\n'))
  await page.until(() => page.text().includes('line 12'))
  expect(page.text()).not.toContain('line 13')
  await page.press('Show all')
  expect(page.text()).toContain('line 40')
})

test('a reply that failed is not announced as finished', async () => {
  const fake = new FakeConsole({ conversations: [exchange({})] })
  const page = await renderChat({ fake, path: '/chat/c-one' })
  await page.until(() => page.text().includes('On its way'))
  const announced = (): string | undefined => document.querySelector('[aria-live="polite"]')?.textContent
  fake.failure = { afterDeltas: 2, error: new SwitchboardError('engine_crashed', 'It ended.') }
  await page.type('Message', 'And now?')
  await page.key('Enter', {}, page.field('Message'))
  await page.until(() => announced()?.includes('Interrupted.'))
  expect(announced()).not.toContain('Reply finished.')
  await page.type('Message', 'Once more?')
  await page.key('Enter', {}, page.field('Message'))
  await page.until(() => announced()?.includes('Reply finished.'))
})
