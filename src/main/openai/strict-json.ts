import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { isRecord } from '../../shared/base/is-record.ts'

/** Nesting of objects and arrays, the outermost included. */
export const MAX_DEPTH = 32
/** Keys of one object. */
export const MAX_KEYS = 2048
/**
 * Bounds on the work of JSON.parse, which blocks the thread that streams all replies and needs 30 ms for a megabyte of
 * `[]`. The largest useful bodies have 2,048 messages or a prompt of 131,072 token ids.
 */
export const MAX_PARTS = 24_000
export const MAX_VALUES = 200_000

const QUOTE = 34
const BACKSLASH = 92
const COMMA = 44
const COLON = 58
const OPEN_BRACE = 123
const CLOSE_BRACE = 125
const OPEN_BRACKET = 91
const CLOSE_BRACKET = 93

/**
 * Parses JSON more strictly than JSON.parse: UTF-8 only, at most {@link MAX_DEPTH} levels, {@link MAX_KEYS} keys per
 * object, {@link MAX_PARTS} objects, arrays and keys and {@link MAX_VALUES} commas in total, no duplicate keys, no
 * `__proto__` and no `constructor.prototype`. A byte order mark is accepted. Lone surrogates in escapes are kept; the
 * schemas replace them.
 *
 * Linear time: one scan checks the bounds before anything is built, one walk over the value finds forbidden keys. With
 * a duplicate key, the value has fewer keys than the text has colons.
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
    // The parser's message quotes the body, so it is not passed on.
    throw new SwitchboardError('invalid_json', 'The body is not valid JSON.')
  }
  if (countAllowedKeys(value) !== keys)
    throw new SwitchboardError('invalid_json', 'The body has the same key twice in one object.')
  return value
}

/** Whether objects and arrays are nested deeper than `levels`. For invalid JSON the result is meaningless. */
export function isNestedDeeperThan(text: string, levels: number): boolean {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) at = endOfString(text, at + 1)
    else if (unit === CLOSE_BRACE || unit === CLOSE_BRACKET) depth--
    else if ((unit === OPEN_BRACE || unit === OPEN_BRACKET) && ++depth > levels) return true
  }
  return false
}

/**
 * Counts the keys in a JSON text and checks the bounds. For invalid JSON, which JSON.parse refuses, the count is meaningless.
 */
function countKeys(text: string): number {
  /** Keys so far of each open object; stays 0 for an array. */
  const keysAt = new Uint32Array(MAX_DEPTH + 1)
  let depth = 0
  let keys = 0
  let containers = 0
  let commas = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at + 1)
        break
      case COMMA:
        if (++commas > MAX_VALUES) throw tooMany(`${MAX_VALUES} values`)
        break
      case COLON: {
        const here = (keysAt[depth] ?? 0) + 1
        keysAt[depth] = here
        if (here > MAX_KEYS) throw tooMany(`${MAX_KEYS} keys in one object`)
        if (++keys + containers > MAX_PARTS) throw tooMany(`${MAX_PARTS} objects, arrays and keys`)
        break
      }
      case OPEN_BRACE:
      case OPEN_BRACKET:
        if (depth === MAX_DEPTH)
          throw new SwitchboardError('too_deep', `The body is nested more than ${MAX_DEPTH} levels deep.`)
        keysAt[++depth] = 0
        if (keys + ++containers > MAX_PARTS) throw tooMany(`${MAX_PARTS} objects, arrays and keys`)
        break
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
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
    if (unit === QUOTE) return at
    at += unit === BACKSLASH ? 2 : 1
  }
  return text.length
}

/**
 * The number of keys in a parsed value.
 * @throws SwitchboardError invalid_json for a key that could change a prototype.
 */
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
