const FENCE = /^ {0,3}(`{3,}|~{3,})/
const CONTAINER = /^\s*(?:[-*+] |\d{1,9}[.)] |>| {4})/
const CONTINUATION = /^(?: {2,}|\t|[-*+] |\d{1,9}[.)] |>)/
/** `[label]: target`, but not a footnote. */
const DEFINITION = /^ {0,3}\[(?!\^)((?:[^[\]\\]|\\.)+)\]:\s*\S/

/**
 * Splits markdown at blank lines into blocks that mean the same alone as together, so that a streamed reply re-renders
 * only its last block. A fence stays whole until it closes; a blank line inside a list, a quote or indented code does
 * not split. A block that uses a reference link gets the definition of the link appended. Takes time in proportion to
 * the length of the text.
 */
export function markdownBlocks(markdown: string): readonly string[] {
  const all = markdown.split('\n')
  const nextSolid = nextSolidLines(all)
  const definitions = new Map<string, string>()
  const blocks: string[] = []
  let lines: string[] = []
  let isSolid = false
  let hasContainer = false
  let fence: string | null = null
  const close = (): void => {
    if (isSolid) blocks.push(lines.join('\n'))
    lines = []
    isSolid = false
    hasContainer = false
  }
  for (const [index, line] of all.entries()) {
    const mark = FENCE.exec(line)?.[1]
    const isBlank = line.trim() === ''
    if (fence !== null) {
      lines.push(line)
      if (mark !== undefined && mark[0] === fence[0] && mark.length >= fence.length && line.trim() === mark)
        fence = null
      continue
    }
    if (isBlank) {
      const next = nextSolid[index]
      if (hasContainer && next !== undefined && CONTINUATION.test(next)) lines.push(line)
      else close()
      continue
    }
    if (mark !== undefined) fence = mark
    else {
      const label = DEFINITION.exec(line)?.[1]
      if (label !== undefined && !definitions.has(labelKey(label))) definitions.set(labelKey(label), line)
    }
    lines.push(line)
    isSolid = true
    hasContainer ||= CONTAINER.test(line)
  }
  close()
  return definitions.size === 0 ? blocks : blocks.map((block) => withDefinitions(block, definitions))
}

/** For each line the next one that is not blank. */
function nextSolidLines(lines: readonly string[]): readonly (string | undefined)[] {
  const next = Array.from<string | undefined>({ length: lines.length })
  let following: string | undefined
  for (let index = lines.length - 1; index >= 0; index -= 1) {
    next[index] = following
    const line = lines[index]
    if (line !== undefined && line.trim() !== '') following = line
  }
  return next
}

/** Labels match whatever their case and blanks (CommonMark 0.31, section 4.7). */
function labelKey(label: string): string {
  return label.trim().replace(/\s+/g, ' ').toLowerCase()
}

function withDefinitions(block: string, definitions: ReadonlyMap<string, string>): string {
  const used = new Set<string>()
  for (const [, label = ''] of block.matchAll(/\[((?:[^[\]\\]|\\.)+)\]/g)) {
    const definition = definitions.get(labelKey(label))
    if (definition !== undefined && !block.includes(definition)) used.add(definition)
  }
  return used.size === 0 ? block : `${block}\n\n${[...used].join('\n')}`
}
