/**
 * Text as the search index sees it. Chinese and Japanese have no spaces, so each run of their characters is stored as
 * overlapping pairs plus its last character: `退款单` becomes `退款 款单 单`. A query of two or more characters is the
 * phrase of its pairs; a single character is a prefix of the pairs that start with it.
 */
const unspacedRun = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+/gu
const word = /[\p{L}\p{N}\p{M}]+/gu

const MAX_TERMS = 16

/** Characters of a message that an excerpt is looked for in. */
export const MAX_EXCERPT_SOURCE = 20_000

/** Characters folded at a time: the search for an excerpt ends with the piece that holds the first match. */
const FOLD_PIECE = 400

/** Text to store in the index. */
export function indexText(text: string): string {
  return text.toWellFormed().replace(unspacedRun, (run) => ` ${pairs([...run], true).join(' ')} `)
}

/**
 * The typed text as an FTS5 expression, or null when it has nothing to search for. Only letters, digits and marks
 * get through, and each term is quoted: the text can never act as FTS5 syntax.
 */
export function matchExpression(typed: string): string | null {
  const terms = searchTerms(typed)
  if (terms.length === 0) return null
  return terms
    .map((term) =>
      isUnspaced(term) ? `"${pairs([...term], false).join(' ')}"${[...term].length === 1 ? '*' : ''}` : `"${term}"*`,
    )
    .join(' AND ')
}

/**
 * About 120 characters of the text around the first occurrence of any term, on one line; the beginning of the text
 * where none occurs. Case and accents do not count, as in the index.
 */
export function excerptAround(text: string, typed: string): string {
  const terms = searchTerms(typed).map(plain)
  const { start, end } = firstMatch(text, terms) ?? { start: 0, end: 0 }
  const from = wholeCharacter(text, Math.max(0, start - 40))
  const to = wholeCharacter(text, Math.min(text.length, end + 80))
  const cut = text.slice(from, to).replace(/\s+/gu, ' ').trim()
  return `${from > 0 ? '…' : ''}${cut}${to < text.length ? '…' : ''}`
}

function firstMatch(text: string, terms: readonly string[]): { readonly start: number; readonly end: number } | null {
  // Pieces overlap by the longest term, so that a match across a border is found; marks make the original longer.
  const overlap = 4 * Math.max(0, ...terms.map((term) => term.length))
  for (let offset = 0; offset < text.length; offset += FOLD_PIECE) {
    const from = wholeCharacter(text, offset)
    const piece = text.slice(from, wholeCharacter(text, Math.min(text.length, offset + FOLD_PIECE + overlap)))
    // Most pieces hold no match, and only a match needs to know where its characters came from.
    const letters = plain(piece)
    if (!terms.some((term) => letters.includes(term))) continue
    const folded = fold(piece)
    let at = Number.POSITIVE_INFINITY
    let length = 0
    for (const term of terms) {
      const found = folded.text.indexOf(term)
      if (found >= 0 && found < at) [at, length] = [found, term.length]
    }
    if (at < folded.text.length) return { start: from + folded.origin(at), end: from + folded.origin(at + length) }
  }
  return null
}

function searchTerms(typed: string): string[] {
  const terms: string[] = []
  for (const [found] of typed.slice(0, 1000).toWellFormed().matchAll(word)) {
    let last = 0
    for (const run of found.matchAll(unspacedRun)) {
      if (run.index > last) terms.push(found.slice(last, run.index))
      terms.push(run[0])
      last = run.index + run[0].length
    }
    if (last < found.length) terms.push(found.slice(last))
  }
  return terms.slice(0, MAX_TERMS)
}

function isUnspaced(term: string): boolean {
  return term.search(unspacedRun) === 0
}

function pairs(characters: readonly string[], withLast: boolean): string[] {
  const made: string[] = []
  for (let index = 0; index + 1 < characters.length; index += 1)
    made.push(`${characters[index]}${characters[index + 1]}`)
  const last = characters.at(-1)
  if (last !== undefined && (withLast || characters.length === 1)) made.push(last)
  return made
}

/** Lower case without marks. */
function plain(text: string): string {
  return text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '')
}

/** The same, character by character; `origin(i)` is the index in `text` that character i of the result came from. */
function fold(text: string): { readonly text: string; readonly origin: (index: number) => number } {
  const lower = text.toLowerCase()
  // Latin without accents and Chinese keep their length: no character has to be looked at alone.
  if (lower.length === text.length && lower === plain(text)) return { text: lower, origin: (index) => index }
  let folded = ''
  const origins: number[] = []
  let at = 0
  for (const character of text) {
    const letters = plain(character)
    for (let index = 0; index < letters.length; index += 1) origins.push(at)
    folded += letters
    at += character.length
  }
  return { text: folded, origin: (index) => origins[index] ?? text.length }
}

function wholeCharacter(text: string, index: number): number {
  const code = text.charCodeAt(index)
  return code >= 0xdc00 && code <= 0xdfff && index > 0 ? index - 1 : index
}
