import { useEffect, useEffectEvent } from 'react'
import { useLocation, useNavigate } from 'react-router'
import { useStores } from '../stores/stores.ts'
import { palette } from '../ui/palette-control.ts'
import { searchTarget } from '../ui/shortcuts.ts'

const searchSelector = Object.entries(searchTarget)
  .map(([name, value]) => `[${name}="${value}"]`)
  .join('')

function isTextField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable="true"]')
}

/** A dialog keeps the keyboard to itself. */
function isDialogOpen(): boolean {
  return document.querySelector('[role="dialog"][aria-modal="true"]') !== null
}

/** The shortcuts that work on every page; the palette listens for its own. */
export function useShortcuts(showHelp: () => void): void {
  const { conversations } = useStores()
  const navigate = useNavigate()
  const { pathname } = useLocation()

  const search = async (): Promise<void> => {
    const find = (): HTMLElement | null => document.querySelector<HTMLElement>(searchSelector)
    if (!find() && !pathname.startsWith('/chat')) await navigate('/chat')
    const field = find()
    if (field) field.focus()
    else palette.open()
  }

  /** Opens the conversation `by` rows below the open one; from none, the first one. */
  const move = async (by: 1 | -1): Promise<void> => {
    const ids = () => conversations.store.getState().list.value?.map(({ id }) => id) ?? []
    const index = ids().indexOf(pathname.replace(/^\/chat\//, ''))
    const next = index === -1 ? 0 : index + by
    if (next >= ids().length) await conversations.loadMore()
    const id = ids()[next]
    if (id !== undefined) await navigate(`/chat/${id}`)
  }

  /** What the keys mean; null for keys that are not ours. `code` is used where Alt changes the letter on a Mac. */
  const actionOf = (event: KeyboardEvent): (() => unknown) | null => {
    const mod = event.ctrlKey || event.metaKey
    if (mod && !event.altKey && !event.shiftKey) {
      if (event.key.toLowerCase() === 'n') return () => navigate('/chat')
      if (event.key === ',') return () => navigate('/settings')
      return null
    }
    if (mod) return null
    if (event.altKey) {
      if (event.code === 'KeyN') return () => navigate('/chat')
      if (event.key === 'ArrowUp') return () => move(-1)
      if (event.key === 'ArrowDown') return () => move(1)
      return null
    }
    if (isTextField(event.target)) return null
    if (event.key === '/') return search
    if (event.key === '?') return showHelp
    return null
  }

  const onKeyDown = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing || isDialogOpen()) return
    const action = actionOf(event)
    if (!action) return
    event.preventDefault()
    void action()
  })
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => onKeyDown(event)
    window.addEventListener('keydown', listener)
    return () => window.removeEventListener('keydown', listener)
  }, [])
}
