import type { AssistantValues } from '../../shared/domain/assistant.ts'
import type { ParameterOverrides } from '../../shared/domain/conversation.ts'

/** One line of a system prompt that a version added or removed. */
export interface ChangedLine {
  readonly kind: 'added' | 'removed'
  readonly text: string
}

/** What a version changed against the one before it. */
export type VersionChange =
  | { readonly kind: 'name'; readonly before: string; readonly after: string }
  | { readonly kind: 'model'; readonly before: string | null; readonly after: string | null }
  | {
      readonly kind: 'parameter'
      readonly name: keyof ParameterOverrides
      readonly before: number | null
      readonly after: number | null
    }
  | { readonly kind: 'prompt'; readonly lines: readonly ChangedLine[] }

export function versionChanges(before: AssistantValues, after: AssistantValues): readonly VersionChange[] {
  const changes: VersionChange[] = []
  if (before.name !== after.name) changes.push({ kind: 'name', before: before.name, after: after.name })
  if (before.model !== after.model) changes.push({ kind: 'model', before: before.model, after: after.model })
  const names = new Set([...Object.keys(before.parameters), ...Object.keys(after.parameters)])
  for (const name of names as Set<keyof ParameterOverrides>) {
    const [old, next] = [before.parameters[name] ?? null, after.parameters[name] ?? null]
    if (old !== next) changes.push({ kind: 'parameter', name, before: old, after: next })
  }
  if (before.systemPrompt !== after.systemPrompt)
    changes.push({ kind: 'prompt', lines: changedLines(before.systemPrompt, after.systemPrompt) })
  return changes
}

/** Longer texts are compared as a whole in the middle: the table below grows with the product of the lines. */
const MAX_COMPARED_LINES = 400

/** The lines that differ, in the order of the text. Common beginnings and ends are left out first. */
function changedLines(before: string, after: string): readonly ChangedLine[] {
  const [old, next] = [before.split('\n'), after.split('\n')]
  let start = 0
  while (start < old.length && start < next.length && old[start] === next[start]) start += 1
  let end = 0
  while (end < old.length - start && end < next.length - start && old.at(-1 - end) === next.at(-1 - end)) end += 1
  const [a, b] = [old.slice(start, old.length - end), next.slice(start, next.length - end)]
  const removed = (text: string): ChangedLine => ({ kind: 'removed', text })
  const added = (text: string): ChangedLine => ({ kind: 'added', text })
  if (a.length > MAX_COMPARED_LINES || b.length > MAX_COMPARED_LINES) return [...a.map(removed), ...b.map(added)]

  // common[i][j]: lines that a from i and b from j have in common, in order.
  const common = Array.from({ length: a.length + 1 }, () => Array.from({ length: b.length + 1 }, () => 0))
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const row = common[i]
      if (row) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  const lines: ChangedLine[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    const [old1, new1] = [a[i], b[j]]
    if (old1 !== undefined && old1 === new1) {
      i += 1
      j += 1
    } else if (old1 !== undefined && (new1 === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push(removed(old1))
      i += 1
    } else if (new1 !== undefined) {
      lines.push(added(new1))
      j += 1
    }
  }
  return lines
}
