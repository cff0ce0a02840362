import { expect, test } from 'vitest'
import { Drafts } from './drafts.ts'

function memory(full = false) {
  const kept = new Map<string, string>()
  return {
    kept,
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, text: string) => {
      if (full) throw new DOMException('full', 'QuotaExceededError')
      kept.set(name, text)
    },
    removeItem: (name: string) => void kept.delete(name),
  }
}

test('a draft outlives the window, one a conversation', () => {
  const storage = memory()
  const drafts = new Drafts(storage)
  drafts.write('a', 'half a sentence')
  drafts.write('b', '半句话')
  const later = new Drafts(storage)
  expect([later.read('a'), later.read('b'), later.read('c')]).toEqual(['half a sentence', '半句话', ''])
  later.write('a', '')
  expect([...storage.kept.values()]).toEqual(['半句话'])
})

test('full storage keeps the text in the window and says so', () => {
  const drafts = new Drafts(memory(true))
  expect(drafts.write('a', 'text')).toBe(false)
  expect(drafts.read('a')).toBe('text')
})

test('a refused text comes back before what was written since', () => {
  const drafts = new Drafts(memory())
  drafts.giveBack('a', 'Where is my order?')
  expect(drafts.read('a')).toBe('Where is my order?')
  drafts.write('a', 'And the lamp?')
  drafts.giveBack('a', 'Where is my order?')
  expect(drafts.read('a')).toBe('Where is my order?\n\nAnd the lamp?')
})
