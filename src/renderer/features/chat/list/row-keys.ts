/** Rows that a page key moves by. */
const PAGE_ROWS = 10

interface RowKey {
  readonly key: string
  /** Letters typed so far; null for a key that is no letter. */
  readonly typed: string | null
  readonly index: number
  readonly titles: readonly string[]
}

/** The row a key moves to; null where the key is not one of the list, or nothing begins as was typed. */
export function nextIndex({ key, typed, index, titles }: RowKey): number | null {
  const last = titles.length - 1
  const within = (wanted: number): number => Math.min(last, Math.max(0, wanted))
  switch (key) {
    case 'ArrowDown':
      return within(index + 1)
    case 'ArrowUp':
      return within(index - 1)
    case 'PageDown':
      return within(index + PAGE_ROWS)
    case 'PageUp':
      return within(index - PAGE_ROWS)
    case 'Home':
      return within(0)
    case 'End':
      return within(last)
    default:
      return typed === null ? null : typedIndex(typed.toLowerCase(), index, titles)
  }
}

/** One letter goes on to the next row that begins with it; more letters may stay where they are. */
function typedIndex(typed: string, index: number, titles: readonly string[]): number | null {
  const isRepeated = [...typed].every((letter) => letter === typed[0])
  const wanted = isRepeated ? typed.slice(0, 1) : typed
  const first = isRepeated ? index + 1 : index
  for (let step = 0; step < titles.length; step += 1) {
    const at = (first + step) % titles.length
    if (titles[at]?.toLowerCase().startsWith(wanted)) return at
  }
  return null
}
