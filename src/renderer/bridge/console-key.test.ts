import { expect, test } from 'vitest'
import { takeConsoleKey } from './console-key.ts'

function context(hash: string, stored: string | null = null) {
  const kept = new Map(stored === null ? [] : [['switchboard.console-key', stored]])
  const addresses: string[] = []
  return {
    addresses,
    location: { hash, pathname: '/console/', search: '?a=b' },
    history: { replaceState: (_state: unknown, _unused: string, url: string) => void addresses.push(url) },
    sessionStorage: {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, value: string) => void kept.set(name, value),
    },
  }
}

test('the key is taken out of the address bar, leaving the rest of the address', () => {
  const fresh = context('#key=s3cr%2Bet&/chat/c1')
  expect([takeConsoleKey(fresh), fresh.addresses]).toEqual(['s3cr+et', ['/console/?a=b#/chat/c1']])
  const plain = context('#key=abc')
  expect([takeConsoleKey(plain), plain.addresses]).toEqual(['abc', ['/console/?a=b']])
})

test('a reload uses the key of the tab, a new key replaces it, and without one there is none', () => {
  expect(takeConsoleKey(context('#/chat', 'old'))).toBe('old')
  expect(takeConsoleKey(context('#key=new', 'old'))).toBe('new')
  expect(takeConsoleKey(context('#/chat'))).toBeNull()
})

test('an address cut off inside an escape gives a key that can be refused, not a blank page', () => {
  const cut = context('#key=abc%2')
  expect([takeConsoleKey(cut), cut.addresses]).toEqual(['abc%2', ['/console/?a=b']])
})
