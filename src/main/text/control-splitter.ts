/** A special or added token of tokenizer.json. `lstrip`, `rstrip`: blanks on that side are dropped. */
export interface ControlToken {
  readonly id: number
  readonly content: string
  readonly lstrip?: boolean
  readonly rstrip?: boolean
}

/** Splits the template's own text into plain text and control tokens; of two at one position the longer one wins. */
export function splitByControls(controls: readonly ControlToken[]): (text: string) => (string | ControlToken)[] {
  const byContent = new Map(controls.map((control) => [control.content, control]))
  const alternatives = [...byContent.keys()]
    .sort((a, b) => b.length - a.length)
    .map((content) => content.replace(/[\\^$.*+?()[\]{}|/]/gu, '\\$&'))
  if (alternatives.length === 0) return (text) => (text === '' ? [] : [text])
  const pattern = new RegExp(alternatives.join('|'), 'gu')
  return (text) => {
    const parts: (string | ControlToken)[] = []
    let last = 0
    for (const match of text.matchAll(pattern)) {
      const control = byContent.get(match[0])
      if (control === undefined) continue
      if (match.index > last) parts.push(text.slice(last, match.index))
      parts.push(control)
      last = match.index + match[0].length
    }
    if (last < text.length) parts.push(text.slice(last))
    return parts
  }
}
