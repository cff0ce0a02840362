import { Button } from '@mantine/core'
import { IconArrowDown } from '@tabler/icons-react'
import { startTransition, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { emptyEntry, shownMessages } from '../../stores/chat-state.ts'
import { useStores } from '../../stores/stores.ts'
import { Announcer } from './announcer.tsx'
import { MessageItem, PendingItem, ReplyWaiting } from './message-item.tsx'
import styles from './message-list.module.css'

/**
 * Messages of the first picture, so that a long conversation opens as fast as a short one; more follow while nothing
 * waits.
 */
const firstPicture = 30
/** Messages shown without being asked for; earlier ones come on request. */
const shownUnasked = 120

/** Distance from the bottom, in px, that still counts as reading the newest. */
const nearBottom = 48

/**
 * The shown branch. Follows the newest text until the reader scrolls up; from then on nothing moves under their eyes.
 */
export function MessageList({ id }: { readonly id: string }) {
  const { t } = useTranslation()
  const { chat } = useStores()
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
  const [limit, setLimit] = useState(firstPicture)
  useEffect(() => startTransition(() => setLimit((shown) => Math.max(shown, shownUnasked))), [])
  const hidden = Math.max(0, messages.length - limit)
  const { box, following, onScroll, jump, keepPlace } = useFollowing(id, waiting !== null)
  const showEarlier = (): void => {
    keepPlace()
    setLimit(limit + shownUnasked)
  }
  return (
    <div className={styles.frame}>
      <div
        ref={box}
        className={styles.scroll}
        onScroll={onScroll}
        tabIndex={0}
        role="region"
        aria-label={t('chat.messages')}
      >
        {hidden > 0 && limit >= shownUnasked ? (
          <div className={styles.earlier}>
            <Button size="xs" variant="default" onClick={showEarlier}>
              {t('chat.showEarlier', { count: hidden })}
            </Button>
          </div>
        ) : null}
        <ol className={styles.messages} start={hidden + 1}>
          {messages.slice(hidden).map((message) => (
            <MessageItem
              key={message.id}
              message={message}
              conversationId={id}
              all={conversation?.messages ?? []}
              writing={message.id === writingId}
              last={message === messages.at(-1) && waiting === null}
            />
          ))}
          {waiting?.question ? <PendingItem text={waiting.question} /> : null}
          {waiting ? <ReplyWaiting /> : null}
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

function useFollowing(id: string, asked: boolean) {
  const { chat } = useStores()
  const box = useRef<HTMLDivElement>(null)
  const [following, setFollowing] = useState(true)
  const followed = useRef(true)
  const lastTop = useRef(0)

  const toEnd = (): void => {
    const element = box.current
    if (element) element.scrollTop = element.scrollHeight
  }
  const fromEnd = useRef<number | null>(null)
  useLayoutEffect(() => {
    const element = box.current
    if (!element || fromEnd.current === null) return
    element.scrollTop = element.scrollHeight - fromEnd.current
    fromEnd.current = null
  })
  const follow = (on: boolean): void => {
    followed.current = on
    setFollowing(on)
  }
  const onScroll = (): void => {
    const element = box.current
    if (!element) return
    const up = element.scrollTop < lastTop.current - 1
    lastTop.current = element.scrollTop
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight <= nearBottom
    if (up && !atEnd) follow(false)
    else if (atEnd && !followed.current) follow(true)
  }
  const showNewest = (): void => {
    follow(true)
    toEnd()
  }
  // Opening a conversation and asking something new both mean: show me the newest. The beginning of the reply does not.
  useLayoutEffect(showNewest, [id])
  useLayoutEffect(() => {
    if (asked) showNewest()
  }, [asked])
  // Text grows through the store and images do not exist, so size is the one thing to watch.
  useEffect(() => {
    const element = box.current
    if (!element) return
    const observer = new ResizeObserver(() => {
      if (followed.current) toEnd()
    })
    observer.observe(element)
    for (const child of element.children) observer.observe(child)
    return () => observer.disconnect()
  }, [id, chat])
  return {
    box,
    following,
    onScroll,
    /** What is read now stays where it is when messages are added above. */
    keepPlace: () => {
      const element = box.current
      if (element) fromEnd.current = element.scrollHeight - element.scrollTop
      follow(false)
    },
    jump: showNewest,
  }
}
