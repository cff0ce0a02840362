import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { isRecord } from '../../shared/base/is-record.ts'

/** Objects and arrays inside one another, the outermost counted. */
export const MAX_DEPTH = 32
/** Keys of one object. */
export const MAX_KEYS = 2048
/**
 * Bounds on the work of JSON.parse, which runs on the thread that streams everybody's replies and needs 30 ms for a
 * megabyte of `[]`. The largest useful bodies have 2,048 messages or a prompt of 131,072 token ids.
 */
export const MAX_PARTS = 24_000
export const MAX_VALUES = 200_000

const quote = 34
const backslash = 92
const comma = 44
const colon = 58
const openBrace = 123
const closeBrace = 125
const openBracket = 91
const closeBracket = 93

/**
 * Bytes as a JSON value, stricter than JSON.parse: UTF-8 only, at most {@link MAX_DEPTH} deep, {@link MAX_KEYS}
 * keys in one object, {@link MAX_PARTS} objects, arrays and keys and {@link MAX_VALUES} commas in all, no key twice in one object, no `__proto__` and no `constructor.prototype`. A byte order mark is
 * accepted. Lone surrogates in escapes are kept; the schemas replace them.
 *
 * Time is linear in the bytes: one scan counts before anything is built, one walk over the value finds the forbidden
 * keys. A key that came twice is one key in the value, so that the value then has fewer keys than the text has colons.
 * @throws SwitchboardError invalid_json, invalid_request, too_deep.
 */
export function parseStrictJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) throw new SwitchboardError('invalid_json', 'The body is empty; a JSON object was expected.')
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new SwitchboardError('invalid_json', 'The body is not valid UTF-8.', { cause })
  }
  const keys = countKeys(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // the parser's message quotes the body, so it is not passed on
    throw new SwitchboardError('invalid_json', 'The body is not valid JSON.')
  }
  if (countAllowedKeys(value) !== keys)
    throw new SwitchboardError('invalid_json', 'The body has the same key twice in one object.')
  return value
}

/** Whether objects and arrays are nested deeper than `levels`. Text that is not JSON is left to JSON.parse. */
export function isNestedDeeperThan(text: string, levels: number): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === quote) at = endOfString(text, at + 1)
    else if (unit === closeBrace || unit === closeBracket) depth--
    else if ((unit === openBrace || unit === openBracket) && ++depth > levels) return true
  }
  return false
}

/**
 * The number of keys in a JSON text, with the bounds checked on the way. Text that is not JSON gives any number and is
 * left to JSON.parse.
 */
function countKeys(text: string): number {
  /** Keys so far of each open object; an array's stays 0. */
  const keysAt = new Uint32Array(MAX_DEPTH + 1)
  let depth = 0
  let keys = 0
  let containers = 0
  let commas = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at + 1)
        break
      case comma:
        if (++commas > MAX_VALUES) throw tooMany(`${MAX_VALUES} values`)
        break
      case colon: {
        const here = (keysAt[depth] ?? 0) + 1
        keysAt[depth] = here
        if (here > MAX_KEYS) throw tooMany(`${MAX_KEYS} keys in one object`)
        if (++keys + containers > MAX_PARTS) throw tooMany(`${MAX_PARTS} objects, arrays and keys`)
        break
      }
      case openBrace:
      case openBracket:
        if (depth === MAX_DEPTH)
          throw new SwitchboardError('too_deep', `The body is nested more than ${MAX_DEPTH} levels deep.`)
        keysAt[++depth] = 0
        if (keys + ++containers > MAX_PARTS) throw tooMany(`${MAX_PARTS} objects, arrays and keys`)
        break
      case closeBrace:
      case closeBracket:
        if (depth > 0) depth--
    }
  }
  return keys
}

function tooMany(what: string): SwitchboardError {
  return new SwitchboardError('invalid_request', `The body has more than ${what}.`)
}

/** Index of the closing quote, or the end of the text when there is none. */
function endOfString(text: string, start: number): number {
  let at = start
  while (at < text.length) {
    const unit = text.charCodeAt(at)
    if (unit === quote) return at
    at += unit === backslash ? 2 : 1
  }
  return text.length
}

/** The number of keys in a parsed value. @throws SwitchboardError invalid_json for a key that could change a prototype. */
function countAllowedKeys(value: unknown): number {
  let keys = 0
  if (Array.isArray(value)) {
    for (const item of value as readonly unknown[]) if (typeof item === 'object') keys += countAllowedKeys(item)
  } else if (isRecord(value)) {
    for (const key in value) {
      keys++
      const inner = value[key]
      if (key === '__proto__' || (key === 'constructor' && isRecord(inner) && Object.hasOwn(inner, 'prototype')))
        throw new SwitchboardError(
          'invalid_json',
          'The body has a key that is not allowed: __proto__ or constructor.prototype.',
        )
      if (typeof inner === 'object') keys += countAllowedKeys(inner)
    }
  }
  return keys
}
