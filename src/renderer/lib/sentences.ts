const sentenceEnd = /[.!?…](?=\s|$)|[。！？]|\n/g

/**
 * Splits streamed text into whole sentences to announce and the rest to keep, so that a screen reader hears sentences
 * instead of tokens. `from` is how far the text was announced already.
 */
export function announceable(text: string, from: number): { readonly say: string; readonly upTo: number } {
  let upTo = from
  sentenceEnd.lastIndex = from
  for (let match = sentenceEnd.exec(text); match; match = sentenceEnd.exec(text)) {
    const end = match.index + match[0].length
    // A full stop at the very end of what has arrived may be the start of "4.5".
    if (end === text.length && match[0] === '.') break
    upTo = end
  }
  return { say: text.slice(from, upTo).trim(), upTo }
}
