import { useEffect, useEffectEvent, useRef, useState } from 'react'

const saveAfterMs = 600

interface SavedText {
  readonly text: string
  readonly setText: (text: string) => void
  /** Saves what was typed now, for `onBlur`. */
  readonly flush: () => void
}

/**
 * The text of a field that saves as you go: after a pause, when the field is left and when it disappears. A value that
 * changes elsewhere shows unless something is typed that is not saved yet. `isValid` holds back what cannot be kept.
 */
export function useSavedText(
  value: string,
  save: (text: string) => void,
  isValid: (text: string) => boolean = () => true,
): SavedText {
  const [text, setText] = useState(value)
  const typed = useRef<string | null>(null)
  useEffect(() => {
    if (typed.current === null) setText(value)
  }, [value])
  const flush = (): void => {
    const next = typed.current
    if (next === null || !isValid(next)) return
    typed.current = null
    if (next !== value) save(next)
  }
  const flushNow = useEffectEvent(flush)
  useEffect(() => {
    if (typed.current === null) return
    const timer = setTimeout(() => flushNow(), saveAfterMs)
    return () => clearTimeout(timer)
  }, [text])
  useEffect(() => () => flushNow(), [])
  return {
    text,
    setText: (next) => {
      typed.current = next
      setText(next)
    },
    flush,
  }
}
