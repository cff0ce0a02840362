import { ActionIcon, Button } from '@mantine/core'
import { IconPencil, IconRefresh } from '@tabler/icons-react'
import { memo, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import type { Message } from '../../../shared/domain/conversation.ts'
import type { Receipt } from '../../../shared/domain/generation.ts'
import { number } from '../../lib/format.ts'
import { useStores } from '../../stores/stores.ts'
import { CopyButton } from '../../ui/copy-button.tsx'
import { loadedModels } from '../../lib/model-status.ts'
import { Markdown } from '../../ui/markdown.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { BranchNavigator } from './branch-navigator.tsx'
import { EditMessage } from './edit-message.tsx'
import { ReceiptLine } from './receipt-line.tsx'
import styles from './message-item.module.css'

interface MessageItemProps {
  readonly message: Message
  readonly conversationId: string
  readonly all: readonly Message[]
  /** The stream of this window is writing it now. */
  readonly writing: boolean
  readonly last: boolean
}

/** One message with what can be done about it. */
export const MessageItem = memo(function MessageItem(props: MessageItemProps) {
  return (
    <li className={styles.item}>{props.message.role === 'user' ? <Question {...props} /> : <Reply {...props} />}</li>
  )
})

function Question({ message, conversationId, all }: MessageItemProps) {
  const { t } = useTranslation()
  const { chat } = useStores()
  const [editing, setEditing] = useState(false)
  const busy = useStore(chat.store, (state) => Boolean(state.entries[conversationId]?.turn))
  if (editing) return <EditMessage message={message} onDone={() => setEditing(false)} />
  return (
    <article className={styles.question} aria-label={t('chat.you')}>
      <div className={styles.bubble}>{message.content}</div>
      <div className={styles.actions}>
        <BranchNavigator message={message} all={all} busy={busy} />
        <CopyButton text={message.content} label={t('chat.copyMessage')} />
        <Action label={t('chat.edit')} disabled={busy} onClick={() => setEditing(true)}>
          <IconPencil size={16} aria-hidden />
        </Action>
      </div>
    </article>
  )
}

function Reply({ message, conversationId, all, writing, last }: MessageItemProps) {
  const { t } = useTranslation()
  const { chat, models } = useStores()
  const busy = useStore(chat.store, (state) => Boolean(state.entries[conversationId]?.turn))
  const demo = useStore(
    models.store,
    (state) => state.value?.some((model) => model.demo && model.name === message.receipt?.model) ?? false,
  )
  const regenerate = (): void => void chat.regenerate(conversationId, message.id)
  const truncated = message.receipt?.truncated
  return (
    <article className={styles.reply} aria-label={t('chat.assistant')} aria-busy={writing}>
      {truncated ? <Cut {...truncated} /> : null}
      {writing ? <Writing conversationId={conversationId} /> : <Markdown text={message.content} />}
      {writing ? null : <Ending message={message} conversationId={conversationId} busy={busy} onRetry={regenerate} />}
      {writing ? null : (
        <div className={styles.footer}>
          <div className={`${styles.actions} ${last ? styles.always : ''}`}>
            <BranchNavigator message={message} all={all} busy={busy} />
            <CopyButton text={message.content} label={t('chat.copyMessage')} />
            <Action label={t('chat.regenerate')} disabled={busy} onClick={regenerate}>
              <IconRefresh size={16} aria-hidden />
            </Action>
          </div>
          {message.receipt ? <ReceiptLine receipt={message.receipt} demo={demo} /> : null}
        </div>
      )}
    </article>
  )
}

/** Says that the reply was written without the beginning of the conversation. */
function Cut({ droppedMessages, droppedTokens }: NonNullable<Receipt['truncated']>) {
  const { t, i18n } = useTranslation()
  const messages = number(droppedMessages, i18n.language)
  const tokens = t('receipt.tokens', { count: droppedTokens, value: number(droppedTokens, i18n.language) })
  return (
    <div className={styles.cut}>
      <Notice kind="amber">
        <strong>{t('chat.cut', { count: droppedMessages, messages, tokens })}</strong> {t('chat.cutHelp')}
      </Notice>
    </div>
  )
}

/** Why a reply is not complete, in words, and the way on. */
function Ending({
  message,
  conversationId,
  busy,
  onRetry,
}: {
  readonly message: Message
  readonly conversationId: string
  readonly busy: boolean
  readonly onRetry: () => void
}) {
  const { t } = useTranslation()
  const { chat } = useStores()
  const retry = (
    <Button
      size="xs"
      variant="default"
      disabled={busy}
      leftSection={<IconRefresh size={14} aria-hidden />}
      onClick={onRetry}
    >
      {t('app.retry')}
    </Button>
  )
  switch (message.state.kind) {
    case 'complete':
      return message.content === '' ? <Notice kind="plain">{t('chat.emptyReply')}</Notice> : null
    case 'stopped':
      return (
        <div className={styles.ending}>
          <Notice kind="plain" actions={retry}>
            {t('chat.stopped')}
          </Notice>
        </div>
      )
    case 'interrupted':
      return (
        <div className={styles.ending}>
          <ErrorNotice error={message.state.error} lead={`${t('chat.interrupted')}.`} actions={retry} live={false} />
        </div>
      )
    case 'streaming':
      return (
        <div className={styles.ending}>
          <Notice
            kind="plain"
            actions={
              <Button size="xs" variant="default" onClick={() => void chat.refresh(conversationId)}>
                {t('chat.refresh')}
              </Button>
            }
          >
            {t('chat.elsewhere')}
          </Notice>
        </div>
      )
  }
}

/** The growing text: the only part of the list that renders while a reply streams. */
function Writing({ conversationId }: { readonly conversationId: string }) {
  const { chat } = useStores()
  const text = useStore(chat.store, (state) => {
    const turn = state.entries[conversationId]?.turn
    return turn?.kind === 'writing' ? turn.text : ''
  })
  return text === '' ? (
    <Dots />
  ) : (
    <div className={styles.growing}>
      <Markdown text={text} />
    </div>
  )
}

function Dots() {
  const { t } = useTranslation()
  const { status } = useStores()
  const queued = useStore(
    status.store,
    (state) =>
      state.status !== null &&
      loadedModels(state.status).some(({ state: { stats } }) => stats.freeSlots === 0 && stats.waiting > 0),
  )
  return (
    <div className={styles.waiting}>
      <span className={styles.dots} aria-hidden>
        <i />
        <i />
        <i />
      </span>
      {queued ? t('chat.queued') : t('chat.thinking')}
    </div>
  )
}

/** The question while it is on its way. */
export function PendingItem({ text }: { readonly text: string }) {
  const { t } = useTranslation()
  return (
    <li className={styles.item}>
      <article className={styles.question} aria-label={t('chat.you')}>
        <div className={styles.bubble}>{text}</div>
      </article>
    </li>
  )
}

export function ReplyWaiting() {
  const { t } = useTranslation()
  return (
    <li className={styles.item}>
      <article className={styles.reply} aria-label={t('chat.assistant')} aria-busy>
        <Dots />
      </article>
    </li>
  )
}

function Action({
  label,
  disabled,
  onClick,
  children,
}: {
  readonly label: string
  readonly disabled: boolean
  readonly onClick: () => void
  readonly children: ReactNode
}) {
  return (
    <ActionIcon variant="subtle" color="gray" aria-label={label} title={label} disabled={disabled} onClick={onClick}>
      {children}
    </ActionIcon>
  )
}
