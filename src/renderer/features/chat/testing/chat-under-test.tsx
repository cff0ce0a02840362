/** The chat page over the fake console in a DOM without layout. */
import { Route, Routes } from 'react-router'
import { fakeReceipt } from '../../../../shared/contracts/console.fake-data.ts'
import type { Conversation, Message } from '../../../../shared/domain/conversation.ts'
import { renderPage, type PageOptions, type PageUnderTest } from '../../../stores/testing/page.tsx'
import { ChatPage } from '../chat-page.tsx'

/** Height and width of every element, in px: virtual lists draw as many rows as fit. */
const SIZE = 600

export async function renderChat(options: PageOptions = {}): Promise<PageUnderTest> {
  localStorage.clear()
  for (const name of ['clientHeight', 'clientWidth'] as const)
    Object.defineProperty(HTMLElement.prototype, name, { configurable: true, get: () => SIZE })
  return renderPage(
    <Routes>
      <Route path="/chat" element={<ChatPage />} />
      <Route path="/chat/:id" element={<ChatPage />} />
      <Route path="*" element={null} />
    </Routes>,
    { path: '/chat', ...options },
  )
}

/** A conversation with one question and one reply. */
export function exchange(reply: Partial<Message>, question = 'Where is it?'): Conversation {
  const base = { conversationId: 'c-one', createdAt: 0, state: { kind: 'complete' } } as const
  return {
    id: 'c-one',
    title: 'One question',
    assistantId: 'web-shop',
    model: null,
    createdAt: 0,
    updatedAt: 0,
    systemPrompt: '',
    parameters: {},
    activeLeafId: 'reply',
    messages: [
      { ...base, id: 'question', parentId: null, role: 'user', content: question, receipt: null },
      {
        ...base,
        id: 'reply',
        parentId: 'question',
        role: 'assistant',
        content: 'On its way',
        receipt: fakeReceipt,
        ...reply,
      },
    ],
  }
}
