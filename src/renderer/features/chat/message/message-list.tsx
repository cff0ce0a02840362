import { Button } from '@mantine/core'
import { IconArrowDown } from '@tabler/icons-react'
import { useEffect, useEffectEvent, useLayoutEffect, useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { emptyEntry, shownMessages } from '../../../stores/chat-state.ts'
import { useStores } from '../../../stores/stores.ts'
import { useNotifyFailure } from '../../../ui/notify-failure.ts'
import { Announcer } from './announcer.tsx'
import { CutDivider } from './cut-divider.tsx'
import { firstReadIndex } from './cut.ts'
import { highlightWords, type FoundMessage } from './found-message.ts'
import { MessageItem } from './message-item.tsx'
import { PendingQuestion } from './question.tsx'
import { PendingReply } from './reply.tsx'
import { useMessageSpan } from './use-message-span.ts'
import { versionsOf } from '../../../lib/branches.ts'
import styles from './message-list.module.css'

/** The shown branch of a conversation: the messages around the reader are drawn, at its end or at what was found. */
export function MessageList({ id, found }: { readonly id: string; readonly found: FoundMessage | null }) {
  const { t } = useTranslation()
  const { chat } = useStores()
  const notifyFailure = useNotifyFailure()
  const conversation = useStore(chat.store, (state) => state.entries[id]?.conversation ?? null)
  const waiting = useStore(
    chat.store,
    useShallow((state) => {
      const turn = state.entries[id]?.turn
      return turn?.kind === 'waiting' ? { question: turn.question, parentId: turn.parentId } : null
    }),
  )
  const writingId = useStore(chat.store, (state) => {
    const turn = state.entries[id]?.turn
    return turn?.kind === 'writing' ? turn.messageId : null
  })
  const messages = useMemo(
    () => shownMessages({ ...emptyEntry, conversation, turn: waiting ? { kind: 'waiting', ...waiting } : null }),
    [conversation, waiting],
  )
  const all = conversation?.messages
  const versions = useMemo(() => versionsOf(all ?? []), [all])
  const cutAt = useMemo(() => firstReadIndex(messages), [messages])
  const foundIndex = found === null ? -1 : messages.findIndex((message) => message.id === found.messageId)
  const { box, list, span, following, onScroll, onKeyDown, jump, goTo, reveal } = useMessageSpan({
    count: messages.length,
    asked: waiting !== null,
    startAt: foundIndex === -1 ? null : foundIndex,
  })

  const showFound = useEffectEvent((): void => {
    if (found === null) return
    if (foundIndex !== -1) goTo(foundIndex)
    else if (all?.some((message) => message.id === found.messageId))
      chat.showBranch(id, found.messageId).catch(notifyFailure)
  })
  const isShown = foundIndex !== -1
  useLayoutEffect(() => showFound(), [found, isShown])
  const isDrawn = isShown && foundIndex >= span.from && foundIndex < (span.to ?? messages.length)
  const revealFound = useEffectEvent(reveal)
  useEffect(() => {
    const element = isDrawn && found ? document.getElementById(`message-${found.messageId}`) : null
    if (!element || !found) return
    revealFound(element)
    return highlightWords(element, found.text)
  }, [found, isDrawn])

  return (
    <div className={styles.frame}>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- Home and End of a scrolled region */}
      <div
        ref={box}
        className={styles.scroll}
        onScroll={onScroll}
        onKeyDown={onKeyDown}
        tabIndex={0}
        role="region"
        aria-label={t('chat.messages')}
      >
        <ol ref={list} className={styles.messages} start={span.from + 1}>
          {messages.slice(span.from, span.to ?? messages.length).map((message, index) => (
            <li
              key={message.id}
              id={`message-${message.id}`}
              className={`${styles.item} ${message.id === found?.messageId ? styles.found : ''}`}
            >
              {span.from + index === cutAt ? <CutDivider /> : null}
              <MessageItem
                message={message}
                versions={versions.get(message.id) ?? null}
                writing={message.id === writingId}
                last={message === messages.at(-1) && waiting === null}
              />
            </li>
          ))}
          {waiting?.question ? (
            <li className={styles.item}>
              <PendingQuestion text={waiting.question} />
            </li>
          ) : null}
          {waiting ? (
            <li className={styles.item}>
              <PendingReply conversationId={id} />
            </li>
          ) : null}
        </ol>
      </div>
      {following ? null : (
        <Button
          className={styles.jump ?? ''}
          size="xs"
          variant="default"
          radius="xl"
          leftSection={<IconArrowDown size={14} aria-hidden />}
          onClick={jump}
        >
          {t('chat.jump')}
        </Button>
      )}
      <Announcer id={id} />
    </div>
  )
}
