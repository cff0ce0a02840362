/**
 * Splits markdown at blank lines into blocks that mean the same alone as together, so that a streamed reply re-renders
 * only its last block. A fence stays whole until it closes; a blank line inside a list, a quote or indented code does
 * not split.
 */
export function markdownBlocks(markdown: string): readonly string[] {
  const blocks: string[] = []
  let lines: string[] = []
  let fence: string | null = null
  const close = (): void => {
    if (lines.some((line) => line.trim() !== '')) blocks.push(lines.join('\n'))
    lines = []
  }
  const all = markdown.split('\n')
  all.forEach((line, index) => {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1]
    if (fence !== null) {
      lines.push(line)
      if (mark !== undefined && mark[0] === fence[0] && mark.length >= fence.length && line.trim() === mark) {
        fence = null
      }
      return
    }
    if (mark !== undefined) fence = mark
    if (line.trim() !== '') {
      lines.push(line)
      return
    }
    const next = all.slice(index + 1).find((later) => later.trim() !== '')
    const continues =
      next !== undefined &&
      /^(?: {2,}|\t|[-*+] |\d{1,9}[.)] |>)/.test(next) &&
      lines.some((earlier) => /^\s*(?:[-*+] |\d{1,9}[.)] |>| {4})/.test(earlier))
    if (continues) lines.push(line)
    else close()
  })
  close()
  return blocks
}
