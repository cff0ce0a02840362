/** Where a match begins and ends in the text, in UTF-16 units, the end excluded. */
export interface Match {
  readonly from: number
  readonly to: number
}

/** Where the text holds what was searched for, whatever its case and accents: `garantia` is found in `Garantía`. */
export function matchesIn(text: string, search: string): readonly Match[] {
  const wanted = folded(search.trim())
  if (wanted === '') return []
  let plain = ''
  /** For each unit of the folded text, the unit of the text it came from. */
  const origins: number[] = []
  let at = 0
  for (const character of text) {
    const part = folded(character)
    plain += part
    for (let index = 0; index < part.length; index += 1) origins.push(at)
    at += character.length
  }
  origins.push(text.length)
  const matches: Match[] = []
  for (let found = plain.indexOf(wanted); found !== -1; found = plain.indexOf(wanted, found + wanted.length))
    matches.push({ from: origins[found] ?? 0, to: origins[found + wanted.length] ?? text.length })
  return matches
}

function folded(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
}
