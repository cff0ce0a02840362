/**
 * Text as the search index sees it. Chinese and Japanese have no spaces, so every run of their characters is stored as
 * overlapping pairs plus its last character: `退款单` becomes `退款 款单 单`. A query of two or more characters is the
 * phrase of its pairs; a single character is a prefix of the pairs that start with it.
 */
const unspacedRun = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]+/gu
const word = /[\p{L}\p{N}\p{M}]+/gu

/** Terms beyond these add nothing but work. */
const mostTerms = 16

/** Text to store in the index. */
export function indexText(text: string): string {
  return text.toWellFormed().replace(unspacedRun, (run) => ` ${pairs([...run], true).join(' ')} `)
}

/**
 * What a person typed as an FTS5 expression, or null when it holds nothing to look for. Only letters, digits and marks
 * get through, each term quoted: the text can never act as FTS5 syntax.
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
 * A piece of the text around the first term that occurs in it, about 120 characters, on one line; null when none does.
 * Case and accents do not count, as in the index.
 */
export function excerptAround(text: string, typed: string): string | null {
  const folded = fold(text)
  let at = -1
  let length = 0
  for (const term of searchTerms(typed)) {
    const wanted = fold(term).text
    const found = folded.text.indexOf(wanted)
    if (found >= 0 && (at < 0 || found < at)) [at, length] = [found, wanted.length]
  }
  if (at < 0) return null
  const start = folded.origin[at] ?? 0
  const end = folded.origin[at + length] ?? text.length
  const from = wholeCharacter(text, Math.max(0, start - 40))
  const to = wholeCharacter(text, Math.min(text.length, end + 80))
  const cut = text.slice(from, to).replace(/\s+/gu, ' ').trim()
  return `${from > 0 ? '…' : ''}${cut}${to < text.length ? '…' : ''}`
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
  return terms.slice(0, mostTerms)
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

/** Lower case without marks; `origin[i]` is where character i of the result came from. */
function fold(text: string): { readonly text: string; readonly origin: readonly number[] } {
  let folded = ''
  const origin: number[] = []
  let at = 0
  for (const character of text) {
    const plain = character.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
    for (let index = 0; index < plain.length; index += 1) origin.push(at)
    folded += plain
    at += character.length
  }
  return { text: folded, origin }
}

function wholeCharacter(text: string, index: number): number {
  const code = text.charCodeAt(index)
  return code >= 0xdc00 && code <= 0xdfff && index > 0 ? index - 1 : index
}
