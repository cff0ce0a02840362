import { Button } from '@mantine/core'
import { IconPencil } from '@tabler/icons-react'
import { useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { useStores } from '../../../stores/stores.ts'
import { CopyButton } from '../../../ui/copy-button.tsx'
import { useChatContext } from '../chat-context.ts'
import { Action } from './action.tsx'
import { BranchNavigator } from './branch-navigator.tsx'
import { EditMessage } from './edit-message.tsx'
import { folded } from './fold.ts'
import type { MessageItemProps } from './message-item.tsx'
import styles from './message-item.module.css'

/** What a person asked. Long questions are folded. */
export function Question({ message, versions }: MessageItemProps) {
  const { t } = useTranslation()
  const { chat } = useStores()
  const { editRequest } = useChatContext()
  const wanted = useStore(editRequest, (state) => state.messageId === message.id)
  const [editing, setEditing] = useState(false)
  const busy = useStore(chat.store, (state) => Boolean(state.entries[message.conversationId]?.turn))
  if (editing || wanted)
    return (
      <EditMessage
        message={message}
        onDone={() => {
          editRequest.setState({ messageId: null })
          setEditing(false)
        }}
      />
    )
  return (
    <article className={styles.question} aria-label={t('chat.you')}>
      <QuestionText text={message.content} />
      <div className={styles.actions}>
        {versions ? <BranchNavigator conversationId={message.conversationId} versions={versions} busy={busy} /> : null}
        <CopyButton text={message.content} label={t('chat.copyMessage')} />
        <Action label={t('chat.edit')} disabled={busy} onClick={() => setEditing(true)}>
          <IconPencil size={16} aria-hidden />
        </Action>
      </div>
    </article>
  )
}

/** Shorter texts than this fit into the folded lines on every screen. */
const MIN_FOLDED_CHARACTERS = 300

/** The bubble of a question, folded to twelve lines where it has more. */
export function QuestionText({ text }: { readonly text: string }) {
  const { t } = useTranslation()
  const box = useRef<HTMLDivElement>(null)
  const [open, setOpen] = useState(false)
  const [overflows, setOverflows] = useState(false)
  const shown = open ? text : folded(text)
  const mayFold = text.length > MIN_FOLDED_CHARACTERS || text.includes('\n')
  useLayoutEffect(() => {
    const element = box.current
    if (!element || !mayFold || open) return
    const observer = new ResizeObserver(() => setOverflows(element.scrollHeight > element.clientHeight + 1))
    setOverflows(element.scrollHeight > element.clientHeight + 1)
    observer.observe(element)
    return () => observer.disconnect()
  }, [mayFold, open])
  const canUnfold = open || overflows || shown.length < text.length
  return (
    <div className={styles.bubble}>
      <div ref={box} className={mayFold && !open ? styles.folded : ''} dir="auto">
        {shown}
      </div>
      {mayFold && canUnfold ? (
        <Button
          className={styles.unfold ?? ''}
          variant="subtle"
          size="compact-xs"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {open ? t('chat.fold') : t('chat.unfold')}
        </Button>
      ) : null}
    </div>
  )
}

/** The question while it is on its way. */
export function PendingQuestion({ text }: { readonly text: string }) {
  const { t } = useTranslation()
  return (
    <article className={styles.question} aria-label={t('chat.you')}>
      <QuestionText text={text} />
    </article>
  )
}
