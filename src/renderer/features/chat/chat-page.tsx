import { Drawer } from '@mantine/core'
import { useDisclosure, useLocalStorage, useMediaQuery } from '@mantine/hooks'
import { lazy, Suspense, useEffect, useEffectEvent, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation, useNavigate, useParams } from 'react-router'
import { useStore } from 'zustand'
import { createStore } from 'zustand/vanilla'
import { windowTitle } from '../../lib/window-title.ts'
import { useStores } from '../../stores/stores.ts'
import {
  ChatContextProvider,
  newConversation,
  useChatContext,
  type ChatContext,
  type NewConversation,
} from './chat-context.ts'
import { ConversationView } from './conversation-view.tsx'
import { ChatHeader } from './header/chat-header.tsx'
import { useAssistantKeys } from './header/use-assistant-keys.ts'
import { DockedInspector } from './inspector/docked-inspector.tsx'
import type { FieldFocus, FieldName } from './inspector/form-values.ts'
import { ConversationList } from './list/conversation-list.tsx'
import { foundMessage } from './message/found-message.ts'
import styles from './chat-page.module.css'

const Inspector = lazy(() => import('./inspector/inspector.tsx').then((module) => ({ default: module.Inspector })))

/** Conversations at the left, the open one beside them, and what answers in it in the inspector at the right. */
export function ChatPage() {
  const { id } = useParams()
  const [fresh, setFresh] = useState<NewConversation>(newConversation)
  const [editRequest] = useState(() => createStore<{ readonly messageId: string | null }>(() => ({ messageId: null })))
  const inspector = useInspector()
  const openInspector = inspector.open
  const context = useMemo<ChatContext>(
    () => ({
      fresh,
      setFresh: (change) => setFresh((before) => ({ ...before, ...change })),
      openInspector,
      editRequest,
    }),
    [fresh, openInspector, editRequest],
  )
  // What was chosen for a new conversation is its own once it is stored; the next one begins anew.
  useEffect(() => {
    if (id !== undefined) setFresh(newConversation)
  }, [id])
  return (
    <ChatContextProvider value={context}>
      <Page id={id} inspector={inspector} />
    </ChatContextProvider>
  )
}

function Page({ id, inspector }: { readonly id: string | undefined; readonly inspector: InspectorControl }) {
  const { t } = useTranslation()
  const { chat } = useStores()
  const { setFresh } = useChatContext()
  const navigate = useNavigate()
  const location = useLocation()
  const [listOpen, list] = useDisclosure(false)
  const title = useTitle(id)
  useAssistantKeys(id)
  const found = useMemo(() => foundMessage(location.state), [location.state])

  useEffect(() => (id === undefined ? undefined : chat.open(id)), [chat, id])
  useEffect(() => windowTitle.setState({ page: title }), [title])
  const closeList = list.close
  useEffect(() => closeList(), [closeList, id, location.key])

  // The command palette and the assistants page ask through the navigation state, since features do not know each other.
  const wanted = location.state as { readonly inspector?: boolean; readonly assistantId?: string } | null
  const takeWanted = useEffectEvent((): void => {
    if (wanted?.inspector) inspector.open()
    if (wanted?.assistantId !== undefined) setFresh({ assistantId: wanted.assistantId, model: null })
    if (wanted?.inspector || wanted?.assistantId !== undefined)
      void navigate(location.pathname, { replace: true, state: null })
  })
  useEffect(() => takeWanted(), [wanted])

  const content = (
    <Suspense fallback={null}>
      <Inspector id={id} focus={inspector.focus} />
    </Suspense>
  )
  return (
    <div className={styles.page}>
      <aside className={styles.list} aria-label={t('chat.conversations')}>
        <ConversationList openId={id} />
      </aside>
      <section className={styles.conversation} aria-labelledby="chat-heading">
        <ChatHeader
          id={id}
          title={title}
          inspectorOpen={inspector.isOpen}
          onShowList={list.open}
          onToggleInspector={() => (inspector.isOpen ? inspector.close() : inspector.open())}
        />
        <ConversationView key={id ?? 'new'} id={id} found={found} />
      </section>
      {inspector.isDocked && inspector.isOpen ? (
        <DockedInspector focus={inspector.focus} onClose={inspector.close}>
          {content}
        </DockedInspector>
      ) : null}
      <Drawer
        opened={listOpen}
        onClose={list.close}
        title={t('chat.conversations')}
        size={300}
        padding={0}
        closeButtonProps={{ 'aria-label': t('app.close') }}
        classNames={{ header: styles.drawerHeader ?? '', body: styles.drawerBody ?? '' }}
      >
        <ConversationList openId={id} />
      </Drawer>
      <Drawer
        opened={!inspector.isDocked && inspector.isOpen}
        onClose={inspector.close}
        position="right"
        size={400}
        title={t('inspector.title')}
        closeButtonProps={{ 'aria-label': t('app.close') }}
      >
        {content}
      </Drawer>
    </div>
  )
}

/** The title as the list shows it, so that a rename is seen at once; of a row that is not loaded, the conversation's. */
function useTitle(id: string | undefined): string | null {
  const { chat, conversations } = useStores()
  const inList = useStore(conversations.store, ({ list }) => list.value?.find((row) => row.id === id)?.title)
  const own = useStore(chat.store, (state) => (id === undefined ? undefined : state.entries[id]?.conversation?.title))
  return inList ?? own ?? null
}

interface InspectorControl {
  readonly isDocked: boolean
  readonly isOpen: boolean
  /** Where to begin; another object each time it is asked for, null after the page was loaded. */
  readonly focus: FieldFocus | null
  readonly open: (field?: FieldName) => void
  readonly close: () => void
}

/** Docked where there is room, and then open until it is closed; otherwise over the page for the moment. */
function useInspector(): InspectorControl {
  const isDocked = useMediaQuery('(min-width: 1100px)', true, { getInitialValueInEffect: false })
  const [docked, setDocked] = useLocalStorage({
    key: 'switchboard.inspector.open',
    defaultValue: false,
    getInitialValueInEffect: false,
  })
  const [overlay, setOverlay] = useState(false)
  const [focus, setFocus] = useState<FieldFocus | null>(null)
  const set = isDocked ? setDocked : setOverlay
  return useMemo(
    () => ({
      isDocked,
      isOpen: isDocked ? docked : overlay,
      focus,
      open: (field) => {
        setFocus({ field: field ?? null })
        set(true)
      },
      close: () => {
        setFocus(null)
        set(false)
        if (isDocked) document.getElementById('inspector-toggle')?.focus()
      },
    }),
    [isDocked, docked, overlay, focus, set],
  )
}
