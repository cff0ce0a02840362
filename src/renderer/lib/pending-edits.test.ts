import { expect, test } from 'vitest'
import { PendingEdits } from './pending-edits.ts'

interface Shown {
  readonly prompt: string
  readonly model: string
}

/** Edits over a value; `said` is what the program would answer. */
function editsUnderTest() {
  let shown: Shown = { prompt: 'p0', model: 'm0' }
  const edits = new PendingEdits<Shown>()
  return {
    shown: () => shown,
    begin: (patch: Partial<Shown>): number => {
      const edit = edits.begin(patch, shown)
      shown = { ...shown, ...patch }
      return edit
    },
    accept: (edit: number, answer: Shown) => void (shown = { ...shown, ...edits.accept(edit, answer) }),
    refuse: (edit: number) => void (shown = { ...shown, ...edits.refuse(edit) }),
    fetched: (value: Shown) => void (shown = edits.over(value)),
  }
}

test('an answer changes the fields of its own edit alone', () => {
  const { begin, accept, shown } = editsUnderTest()
  const first = begin({ prompt: 'p1' })
  begin({ model: 'm2' })
  accept(first, { prompt: 'p1 trimmed', model: 'm0' })
  expect(shown()).toEqual({ prompt: 'p1 trimmed', model: 'm2' })
})

test('an earlier answer never shows over a newer edit of the same field, in whatever order they come', () => {
  const { begin, accept, shown } = editsUnderTest()
  const [first, second] = [begin({ prompt: 'p1' }), begin({ prompt: 'p2' })]
  accept(first, { prompt: 'p1', model: 'm0' })
  expect(shown().prompt).toBe('p2')
  const third = begin({ prompt: 'p3' })
  accept(third, { prompt: 'p3', model: 'm0' })
  accept(second, { prompt: 'p2', model: 'm0' })
  expect(shown().prompt).toBe('p3')
})

test('a refusal takes back its own fields, to what the program last kept', () => {
  const { begin, accept, refuse, shown } = editsUnderTest()
  const [first, second] = [begin({ prompt: 'p1', model: 'm1' }), begin({ prompt: 'p2' })]
  accept(second, { prompt: 'p2', model: 'm0' })
  refuse(first)
  expect(shown()).toEqual({ prompt: 'p2', model: 'm0' })
})

test('a fetched value does not undo an edit on its way, and is what a refusal goes back to', () => {
  const { begin, refuse, fetched, shown } = editsUnderTest()
  const edit = begin({ prompt: 'p1' })
  fetched({ prompt: 'p from elsewhere', model: 'm from elsewhere' })
  expect(shown()).toEqual({ prompt: 'p1', model: 'm from elsewhere' })
  refuse(edit)
  expect(shown().prompt).toBe('p from elsewhere')
})
