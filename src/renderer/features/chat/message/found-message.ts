import { matchesIn } from '../list/matches.ts'

/** The message a search found, and the words it was found by. */
export interface FoundMessage {
  readonly messageId: string
  readonly text: string
}

/** Reads what the list handed over with the address; null where it handed over nothing. */
export function foundMessage(state: unknown): FoundMessage | null {
  if (typeof state !== 'object' || state === null || !('messageId' in state)) return null
  const { messageId, text } = state as { readonly messageId: unknown; readonly text?: unknown }
  return typeof messageId === 'string' ? { messageId, text: typeof text === 'string' ? text : '' } : null
}

const HIGHLIGHT = 'sb-found'

/** Marks the words in the element without touching it. Returns the function that takes the marks away. */
export function highlightWords(element: Element, text: string): () => void {
  const ranges: Range[] = []
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    for (const { from, to } of matchesIn(node.textContent ?? '', text)) {
      const range = new Range()
      range.setStart(node, from)
      range.setEnd(node, to)
      ranges.push(range)
    }
  }
  CSS.highlights.set(HIGHLIGHT, new Highlight(...ranges))
  return () => void CSS.highlights.delete(HIGHLIGHT)
}
