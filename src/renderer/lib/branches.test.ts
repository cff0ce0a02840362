import { expect, test } from 'vitest'
import type { Message } from '../../shared/domain/conversation.ts'
import { shownPath, siblingsOf } from './branches.ts'

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

test('versions of a message are those with its parent and role, oldest first', () => {
  const [q1, , a2, , q2b] = tree
  expect(a2 && siblingsOf(tree, a2)).toEqual({ ids: ['a1', 'a2'], index: 1 })
  expect(q2b && siblingsOf(tree, q2b)).toEqual({ ids: ['q2', 'q2b'], index: 1 })
  expect(q1 && siblingsOf(tree, q1)).toEqual({ ids: ['q1', 'other'], index: 0 })
})
