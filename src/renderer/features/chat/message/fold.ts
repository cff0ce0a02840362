/** Lines of a question that are shown before it is unfolded. */
export const FOLDED_LINES = 12
/** No screen shows more than this in that many lines. */
const FOLDED_CHARACTERS = 2000

/** The beginning of a long text, without half a character at its end; the text itself where it is short. */
export function folded(text: string): string {
  let end = text.length
  let at = -1
  for (let line = 0; line < FOLDED_LINES; line += 1) {
    at = text.indexOf('\n', at + 1)
    if (at === -1) break
  }
  if (at !== -1) end = at
  return firstCharacters(text.slice(0, end), FOLDED_CHARACTERS)
}

/** At most so many UTF-16 units from the beginning, never half of a surrogate pair. */
export function firstCharacters(text: string, limit: number): string {
  if (text.length <= limit) return text
  const splits = /[\uD800-\uDBFF]/.test(text.charAt(limit - 1))
  return text.slice(0, splits ? limit - 1 : limit)
}
