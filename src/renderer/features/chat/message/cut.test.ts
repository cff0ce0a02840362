import { expect, test } from 'vitest'
import { fakeReceipt } from '../../../../shared/contracts/console.fake-data.ts'
import type { Message } from '../../../../shared/domain/conversation.ts'
import { firstReadIndex } from './cut.ts'

/** Questions and replies in turn; a number is what the reply left out, null a reply without a receipt. */
const talk = (...dropped: readonly (number | null)[]): readonly Message[] =>
  dropped.flatMap((droppedMessages, index) => {
    const message = (role: Message['role']): Message => ({
      id: `${role}-${index}`,
      conversationId: 'c',
      parentId: null,
      role,
      content: 'text',
      state: { kind: 'complete' },
      receipt: null,
      createdAt: 0,
    })
    const truncated = droppedMessages === 0 ? null : { droppedMessages: droppedMessages ?? 0, droppedTokens: 9 }
    const receipt = droppedMessages === null ? null : { ...fakeReceipt, truncated }
    return [message('user'), { ...message('assistant'), receipt }]
  })

test.each([
  ['a conversation that fits has no cut', talk(0, 0, 0), null],
  ['the cut stands before the first message that was read', talk(0, 0, 2, 4), 4],
  ['a reply that failed says nothing about the cut', talk(0, 2, null), 2],
  ['a reply that read everything again takes the cut away', talk(0, 2, 0), null],
  ['the question of the reply is never behind the cut', talk(6), 1],
  ['a conversation without a reply has no cut', [], null],
] as const)('%s', (_name, messages, index) => {
  expect(firstReadIndex(messages)).toBe(index)
})
