import { ActionIcon, Drawer, Tooltip } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconAdjustmentsHorizontal, IconLayoutSidebar, IconPlus } from '@tabler/icons-react'
import { lazy, Suspense, useEffect, useEffectEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation, useNavigate, useParams } from 'react-router'
import { useStore } from 'zustand'
import { windowTitle } from '../../lib/window-title.ts'
import { useStores } from '../../stores/stores.ts'
import { useNotifyFailure } from '../../ui/notify-failure.ts'
import { ConversationList } from './conversation-list.tsx'
import { ConversationView } from './conversation-view.tsx'
import styles from './chat-page.module.css'

const ChatDrawer = lazy(() => import('./chat-drawer.tsx').then((module) => ({ default: module.ChatDrawer })))

/** Conversations on the left, the open one beside them; instructions and parameters in a drawer on the right. */
export function ChatPage() {
  const { t } = useTranslation()
  const { id } = useParams()
  const { chat, conversations } = useStores()
  const navigate = useNavigate()
  const notifyFailure = useNotifyFailure()
  const location = useLocation()
  const [listOpen, list] = useDisclosure(false)
  const [drawerOpen, drawer] = useDisclosure(false)
  const title = useStore(chat.store, (state) =>
    id === undefined ? null : (state.entries[id]?.conversation?.title ?? null),
  )
  const isDemo = useIsDemoModel(id)

  useEffect(() => (id === undefined ? undefined : chat.open(id)), [chat, id])
  useEffect(() => windowTitle.setState({ page: title }), [title])
  const closeList = list.close
  useEffect(() => closeList(), [closeList, id])

  const openDrawer = async (): Promise<void> => {
    try {
      if (id === undefined) {
        const conversation = await conversations.create()
        chat.adopt(conversation)
        await navigate(`/chat/${conversation.id}`)
      }
      drawer.open()
    } catch (thrown) {
      notifyFailure(thrown)
    }
  }
  // The command palette asks for the drawer through the navigation state, since features do not know the palette.
  const wanted = (location.state as { drawer?: boolean } | null)?.drawer === true
  const openWanted = useEffectEvent(
    () => void openDrawer().then(() => navigate(location.pathname, { replace: true, state: null })),
  )
  useEffect(() => {
    if (wanted) openWanted()
  }, [wanted])

  return (
    <div className={styles.page}>
      <aside className={styles.list} aria-label={t('chat.conversations')}>
        <ConversationList openId={id} />
      </aside>
      <section className={styles.conversation} aria-labelledby="chat-heading">
        <header className={styles.header}>
          <div className={styles.narrowOnly}>
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('chat.showList')} onClick={list.open}>
              <IconLayoutSidebar size={18} aria-hidden />
            </ActionIcon>
          </div>
          <h1 id="chat-heading" className={styles.title}>
            {title || t('chat.untitled')}
          </h1>
          {isDemo ? <span className={styles.demo}>{t('app.demo')}</span> : null}
          <div className={styles.narrowOnly}>
            <ActionIcon
              variant="subtle"
              color="gray"
              size="lg"
              aria-label={t('chat.new')}
              onClick={() => void navigate('/chat')}
            >
              <IconPlus size={18} aria-hidden />
            </ActionIcon>
          </div>
          <Tooltip label={t('chat.instructions')}>
            <ActionIcon
              variant="subtle"
              color="gray"
              size="lg"
              aria-label={t('chat.instructions')}
              onClick={() => void openDrawer()}
            >
              <IconAdjustmentsHorizontal size={18} aria-hidden />
            </ActionIcon>
          </Tooltip>
        </header>
        <ConversationView key={id ?? 'new'} id={id} />
      </section>
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
      {id === undefined ? null : (
        <Drawer
          opened={drawerOpen}
          onClose={drawer.close}
          position="right"
          size={400}
          title={t('drawer.title')}
          closeButtonProps={{ 'aria-label': t('app.close') }}
        >
          <Suspense fallback={null}>
            <ChatDrawer id={id} />
          </Suspense>
        </Drawer>
      )}
    </div>
  )
}

function useIsDemoModel(id: string | undefined): boolean {
  const { chat, models, settings } = useStores()
  const own = useStore(chat.store, (state) => (id === undefined ? undefined : state.entries[id]?.conversation?.model))
  const standard = useStore(settings.store, (state) => state.settings.defaultModel)
  return useStore(
    models.store,
    (state) => state.value?.some((model) => model.demo && model.name === (own ?? standard)) ?? false,
  )
}
