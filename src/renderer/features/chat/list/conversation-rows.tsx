import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual'
import {
  useEffect,
  useEffectEvent,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type Ref,
} from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import type { ConversationSummary } from '../../../../shared/domain/conversation.ts'
import { useStores } from '../../../stores/stores.ts'
import { ConversationRow, type RowActions } from './conversation-row.tsx'
import { dayHeadings } from './days.ts'
import { nextIndex } from './row-keys.ts'
import { useDeleteConversation } from './use-delete-conversation.tsx'
import styles from './conversation-list.module.css'

/** Heights in px; the style sheet sets the same. */
const ROW = 35
const ROW_WITH_EXCERPT = 53
const HEADING = 30
/** Rows from the end at which the next ones are fetched. */
const FETCH_AHEAD = 12
/** Letters typed within this time belong to one word. */
const TYPING_MS = 700

interface ConversationRowsProps {
  readonly rows: readonly ConversationSummary[]
  readonly openId: string | undefined
  /** Receives the function that moves the focus into the list. */
  readonly focusList: Ref<() => void>
}

/**
 * The rows in sight, under the headings of their days. One Tab stop: arrow keys, Home, End and typing move inside; Enter
 * opens, F2 renames, Delete removes, Shift+F10 opens the menu.
 */
export function ConversationRows({ rows, openId, focusList }: ConversationRowsProps) {
  const { i18n } = useTranslation()
  const { conversations } = useStores()
  const search = useStore(conversations.store, (state) => state.search.trim())
  const scroll = useRef<HTMLDivElement>(null)
  const typed = useRef({ text: '', at: 0 })
  /** Focus goes to the tab stop once it is drawn. */
  const wantsFocus = useRef(false)
  const [chosenId, setChosenId] = useState<string | null>(null)
  const [renamingId, setRenamingId] = useState<string | null>(null)
  const [menuId, setMenuId] = useState<string | null>(null)
  const remove = useDeleteConversation()

  const headings = useMemo(() => {
    if (search !== '') return []
    return dayHeadings(
      rows.map(({ updatedAt }) => updatedAt),
      Date.now(),
      i18n.language,
    )
  }, [rows, search, i18n.language])
  const indexOf = (id: string | null | undefined): number => rows.findIndex((row) => row.id === id)
  const chosen = indexOf(chosenId)
  const stop = chosen !== -1 ? chosen : Math.max(0, indexOf(openId))

  // oxlint-disable-next-line react/incompatible-library -- its functions are called here and handed to nothing memoized
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroll.current,
    estimateSize: (index) =>
      (rows[index]?.excerpt == null ? ROW : ROW_WITH_EXCERPT) + (headings[index] == null ? 0 : HEADING),
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 6,
    // The tab stop stays drawn, wherever it is: focus would be lost with it.
    rangeExtractor: (range) => [...new Set([...defaultRangeExtractor(range), stop])].toSorted((a, b) => a - b),
  })
  const items = virtual.getVirtualItems()
  useLayoutEffect(() => virtual.measure(), [virtual, rows, headings])
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (last >= rows.length - FETCH_AHEAD) void conversations.loadMore()
  }, [conversations, last, rows.length])

  const focusAt = (index: number): void => {
    const row = rows[index]
    if (!row) return
    wantsFocus.current = true
    setChosenId(row.id)
    virtual.scrollToIndex(index, { align: 'auto' })
    focusStop(row.id)
  }
  const focusStop = (id: string | undefined): void => {
    if (!wantsFocus.current || id === undefined) return
    const link = scroll.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(id)}"]`)
    if (!link) return
    wantsFocus.current = false
    link.focus({ preventScroll: true })
  }
  useLayoutEffect(() => focusStop(rows[stop]?.id))
  useLayoutEffect(() => {
    const focus = (): void => focusAt(stop)
    if (typeof focusList === 'function') focusList(focus)
    else if (focusList) focusList.current = focus
  })

  const removeRow = useEffectEvent((conversation: ConversationSummary): void => {
    const index = indexOf(conversation.id)
    focusAt(index + 1 < rows.length ? index + 1 : index - 1)
    void remove({ id: conversation.id, title: conversation.title }, conversation.id === openId)
  })
  const endRename = useEffectEvent((): void => {
    wantsFocus.current = true
    setRenamingId(null)
  })
  const actions = useRowActions({ removeRow, endRename, setRenamingId, setMenuId })

  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const id = (event.target as HTMLElement).dataset['row']
    const row = rows[indexOf(id)]
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'F2') setRenamingId(row.id)
    else if (event.key === 'Delete') removeRow(row)
    else if (event.key === 'ContextMenu' || (event.key === 'F10' && event.shiftKey)) setMenuId(row.id)
    else {
      const now = event.timeStamp
      const isLetter = event.key.length === 1 && event.key !== ' '
      if (isLetter)
        typed.current = {
          text: now - typed.current.at < TYPING_MS ? typed.current.text + event.key : event.key,
          at: now,
        }
      const next = nextIndex({
        key: event.key,
        typed: isLetter ? typed.current.text : null,
        index: indexOf(row.id),
        titles: rows.map(({ title }) => title),
      })
      if (next === null) return
      focusAt(next)
    }
    event.preventDefault()
  }
  return (
    <div ref={scroll} className={styles.scroll}>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- the keys of the links in it */}
      <ul
        className={styles.items}
        style={{ height: virtual.getTotalSize() }}
        onKeyDown={onKeyDown}
        onFocus={(event) => {
          const id = event.target.dataset['row']
          if (id !== undefined) setChosenId(id)
        }}
      >
        {items.map(({ index, start, key }) => {
          const row = rows[index]
          if (!row) return null
          const heading = headings[index] ?? null
          return (
            <li key={key} className={styles.item} style={{ transform: `translateY(${start}px)` }}>
              {heading === null ? null : <h2 className={styles.day}>{heading}</h2>}
              <ConversationRow
                conversation={row}
                search={search}
                isOpen={row.id === openId}
                isTabStop={index === stop}
                isRenaming={row.id === renamingId}
                hasMenuOpen={row.id === menuId}
                actions={actions}
              />
            </li>
          )
        })}
      </ul>
    </div>
  )
}

function useRowActions({
  removeRow,
  endRename,
  setRenamingId,
  setMenuId,
}: {
  readonly removeRow: (conversation: ConversationSummary) => void
  readonly endRename: () => void
  readonly setRenamingId: (id: string) => void
  readonly setMenuId: (id: string | null) => void
}): RowActions {
  const latest = useRef({ removeRow, endRename })
  useLayoutEffect(() => {
    latest.current = { removeRow, endRename }
  })
  return useMemo(
    () => ({
      rename: (id) => (id === null ? latest.current.endRename() : setRenamingId(id)),
      remove: (conversation) => latest.current.removeRow(conversation),
      openMenu: setMenuId,
    }),
    [setRenamingId, setMenuId],
  )
}
