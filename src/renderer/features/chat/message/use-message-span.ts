import { useEffect, useEffectEvent, useLayoutEffect, useRef, useState, type KeyboardEvent, type RefObject } from 'react'
import { newestSpan, oldestSpan, spanAround, withEarlier, withLater, type MessageSpan } from './message-span.ts'

/** Distance from the end, in px, that still counts as reading the newest. */
const NEAR_END = 48
/** Distance from the end of what is drawn, in px, at which more is drawn. */
const DRAW_AHEAD = 800

interface MessageSpanOptions {
  /** Number of messages of the shown branch. */
  readonly count: number
  /** A question is on its way. */
  readonly asked: boolean
  /** Index of the message to open the conversation at; null opens it at the newest. */
  readonly startAt: number | null
}

interface ShownMessages {
  readonly box: RefObject<HTMLDivElement | null>
  readonly list: RefObject<HTMLOListElement | null>
  readonly span: MessageSpan
  /** The newest message is in sight and stays there. */
  readonly following: boolean
  readonly onScroll: () => void
  readonly onKeyDown: (event: KeyboardEvent) => void
  readonly jump: () => void
  /** Draws the messages around this one and stops following. */
  readonly goTo: (index: number) => void
  /** Scrolls to a drawn message. */
  readonly reveal: (element: HTMLElement) => void
}

/**
 * Which messages are drawn, and where the reader is. Follows the newest text until the reader scrolls up; from then on
 * nothing moves under their eyes, whatever is drawn above or below.
 */
export function useMessageSpan({ count, asked, startAt }: MessageSpanOptions): ShownMessages {
  const box = useRef<HTMLDivElement>(null)
  const list = useRef<HTMLOListElement>(null)
  const [span, setSpan] = useState<MessageSpan>(() =>
    startAt === null ? newestSpan(count) : spanAround(startAt, count),
  )
  const [following, setFollowing] = useState(startAt === null)
  const followed = useRef(following)
  const lastTop = useRef(0)
  /** A message in sight and its distance from the beginning of the list: what is read stays where it is. */
  const anchor = useRef<{ readonly element: HTMLElement; readonly offset: number } | null>(null)

  const follow = (on: boolean): void => {
    followed.current = on
    setFollowing(on)
  }
  const toEnd = (): void => {
    const element = box.current
    if (!element) return
    element.scrollTop = element.scrollHeight
    lastTop.current = element.scrollTop
  }
  const isAtEnd = (): boolean => {
    const element = box.current
    if (!element || span.to !== null) return false
    return element.scrollHeight - element.scrollTop - element.clientHeight <= NEAR_END
  }
  const noteAnchor = (): void => {
    const [element, messages] = [box.current, list.current]
    if (!element || !messages) return
    const inSight = [...messages.children].find(
      (child) => (child as HTMLElement).offsetTop + (child as HTMLElement).offsetHeight > element.scrollTop,
    ) as HTMLElement | undefined
    anchor.current = inSight ? { element: inSight, offset: inSight.offsetTop } : null
  }
  const change = (next: MessageSpan): void => {
    if (next.from === span.from && next.to === span.to) return
    noteAnchor()
    setSpan(next)
  }
  /** Draws more where the reader comes near to the end of what is drawn. */
  const drawAhead = useEffectEvent((): void => {
    const element = box.current
    if (!element) return
    const below = element.scrollHeight - element.scrollTop - element.clientHeight
    if (element.scrollTop < DRAW_AHEAD && span.from > 0) change(withEarlier(span, count))
    else if (below < DRAW_AHEAD && span.to !== null) change(withLater(span, count))
  })
  const onScroll = (): void => {
    const element = box.current
    if (!element) return
    const up = element.scrollTop < lastTop.current - 1
    lastTop.current = element.scrollTop
    const atEnd = isAtEnd()
    if (up && !atEnd) follow(false)
    else if (atEnd && !followed.current) follow(true)
    if (!followed.current) drawAhead()
  }
  const showNewest = (): void => {
    anchor.current = null
    setSpan(newestSpan(count))
    follow(true)
    toEnd()
  }
  const showNewestNow = useEffectEvent(showNewest)

  // What was drawn above the reader moves nothing: the scroll position moves with it.
  useLayoutEffect(() => {
    const [element, kept] = [box.current, anchor.current]
    anchor.current = null
    if (!element || !kept || followed.current || !kept.element.isConnected) return
    element.scrollTop += kept.element.offsetTop - kept.offset
    lastTop.current = element.scrollTop
  }, [span])
  // A question means: show the newest. The beginning of its reply does not.
  useLayoutEffect(() => {
    if (asked) showNewestNow()
  }, [asked])
  useLayoutEffect(() => {
    if (followed.current) toEnd()
  }, [])
  // Text grows through the store and images do not exist, so size is the one thing to watch.
  useEffect(() => {
    const element = box.current
    if (!element) return
    const observer = new ResizeObserver(() => {
      if (followed.current) toEnd()
      else drawAhead()
    })
    observer.observe(element)
    for (const child of element.children) observer.observe(child)
    return () => observer.disconnect()
  }, [])
  return {
    box,
    list,
    span,
    following,
    onScroll,
    onKeyDown: (event) => {
      if (event.target !== box.current || event.ctrlKey || event.altKey || event.metaKey) return
      if (event.key === 'End') showNewest()
      else if (event.key === 'Home') {
        follow(false)
        anchor.current = null
        setSpan(oldestSpan(count))
        if (box.current) box.current.scrollTop = 0
      } else return
      event.preventDefault()
    },
    jump: showNewest,
    goTo: (index) => {
      follow(false)
      anchor.current = null
      setSpan(spanAround(index, count))
    },
    reveal: (element) => {
      element.scrollIntoView({ block: 'center' })
      if (isAtEnd()) follow(true)
    },
  }
}
