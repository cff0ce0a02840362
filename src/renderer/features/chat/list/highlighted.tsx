import type { ReactNode } from 'react'
import { matchesIn } from './matches.ts'

/** A text with what was searched for marked in it. */
export function Highlighted({ text, search }: { readonly text: string; readonly search: string }) {
  const parts: ReactNode[] = []
  let at = 0
  for (const { from, to } of matchesIn(text, search)) {
    parts.push(text.slice(at, from), <mark key={from}>{text.slice(from, to)}</mark>)
    at = to
  }
  return (
    <>
      {parts}
      {text.slice(at)}
    </>
  )
}
