import { expect, test } from 'vitest'
import type { Message } from '../../shared/domain/conversation.ts'
import { shownPath, versionsOf } from './branches.ts'

const message = (id: string, parentId: string | null, role: Message['role'] = 'user'): Message => ({
  id,
  parentId,
  role,
  conversationId: 'c',
  content: id,
  state: { kind: 'complete' },
  receipt: null,
  createdAt: 0,
})

const tree = [
  message('q1', null),
  message('a1', 'q1', 'assistant'),
  message('a2', 'q1', 'assistant'),
  message('q2', 'a2'),
  message('q2b', 'a2'),
  message('other', null),
]

test('the shown path runs from the root to the leaf, over one branch', () => {
  expect(shownPath(tree, 'q2b').map(({ id }) => id)).toEqual(['q1', 'a2', 'q2b'])
  expect(shownPath(tree, null)).toEqual([])
  expect(shownPath(tree, 'gone')).toEqual([])
})

test('a circle in damaged data ends instead of hanging', () => {
  expect(shownPath([message('a', 'b'), message('b', 'a')], 'a').map(({ id }) => id)).toEqual(['b', 'a'])
})

test('versions of a message are those with its parent and role, oldest first; a single message has none', () => {
  expect(Object.fromEntries(versionsOf(tree))).toEqual({
    q1: { number: 1, count: 2, previousId: null, nextId: 'other' },
    other: { number: 2, count: 2, previousId: 'q1', nextId: null },
    a1: { number: 1, count: 2, previousId: null, nextId: 'a2' },
    a2: { number: 2, count: 2, previousId: 'a1', nextId: null },
    q2: { number: 1, count: 2, previousId: null, nextId: 'q2b' },
    q2b: { number: 2, count: 2, previousId: 'q2', nextId: null },
  })
})
