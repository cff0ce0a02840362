/** Something that can be found by typing: what it is called, what else it answers to, what is said under it. */
export interface Findable {
  readonly label: string
  readonly keywords?: string
  readonly description?: string
}

const plain = (text: string): string => text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase()

/**
 * How well a text fits, lower is better: 0 the title begins with it, 1 a word of the title does, 2 the title contains
 * it, 3 a keyword, 4 the description. Null where it does not fit. Case and accents do not count.
 */
export function rankOf(query: string, { label, keywords = '', description = '' }: Findable): number | null {
  const wanted = plain(query).trim()
  if (wanted === '') return 0
  const title = plain(label)
  if (title.startsWith(wanted)) return 0
  if (title.split(/[\s\p{P}]+/u).some((word) => word.startsWith(wanted))) return 1
  if (title.includes(wanted)) return 2
  if (plain(keywords).includes(wanted)) return 3
  return plain(description).includes(wanted) ? 4 : null
}

export interface FindableGroup<Item extends Findable> {
  readonly group: string
  readonly actions: Item[]
}

/** The groups with what fits, best first inside a group, and the group with the best hit first. Ties keep their order. */
export function ranked<Item extends Findable>(
  query: string,
  groups: readonly FindableGroup<Item>[],
): readonly FindableGroup<Item>[] {
  return groups
    .map(({ group, actions }) => {
      const hits = actions.flatMap((item) => {
        const rank = rankOf(query, item)
        return rank === null ? [] : [{ rank, item }]
      })
      const best = hits.toSorted((a, b) => a.rank - b.rank)
      return { group: { group, actions: best.map(({ item }) => item) }, rank: best[0]?.rank ?? Infinity }
    })
    .filter(({ rank }) => rank < Infinity)
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ group }) => group)
}
