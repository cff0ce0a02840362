import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** Objects and arrays inside one another, the outermost counted. */
export const MAX_DEPTH = 32

/** Keys of one object; no request has near as many, and each costs work before it is known to be ignored. */
export const MAX_KEYS = 2048

const quote = 34
const backslash = 92
const comma = 44
const openBrace = 123
const closeBrace = 125
const openBracket = 91
const closeBracket = 93

interface Frame {
  /** Keys met so far; null in an array. */
  readonly keys: Set<string> | null
  /** Key under which this object or array stands. */
  readonly name: string
  awaitsKey: boolean
  lastKey: string
}

/**
 * Bytes as a JSON value, stricter than JSON.parse: UTF-8 only, at most {@link MAX_DEPTH} deep, at most {@link MAX_KEYS}
 * keys and no key twice in one object,
 * no `__proto__` and no `constructor.prototype`. A byte order mark is accepted. Lone surrogates in escapes are kept;
 * the
 * schemas replace them.
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
  checkStructure(text)
  try {
    return JSON.parse(text)
  } catch {
    // the parser's message quotes the body, so it is not passed on
    throw new SwitchboardError('invalid_json', 'The body is not valid JSON.')
  }
}

/** Looks at nesting and keys only, before anything is built; what is not JSON at all is left to JSON.parse. */
function checkStructure(text: string): void {
  const frames: Frame[] = []
  let top: Frame | undefined
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === quote) {
      const end = endOfString(text, at + 1)
      if (top?.awaitsKey) {
        top.awaitsKey = false
        top.lastKey = addKey(top, text, at + 1, end)
      }
      at = end
    } else if (unit === openBrace || unit === openBracket) {
      if (frames.length === MAX_DEPTH)
        throw new SwitchboardError('too_deep', `The body is nested more than ${MAX_DEPTH} levels deep.`)
      const object = unit === openBrace
      top = { keys: object ? new Set() : null, name: top?.lastKey ?? '', awaitsKey: object, lastKey: '' }
      frames.push(top)
    } else if (unit === closeBrace || unit === closeBracket) {
      frames.pop()
      top = frames[frames.length - 1]
    } else if (unit === comma && top?.keys) {
      top.awaitsKey = true
    }
  }
}

/**
 * Whether objects and arrays lie this deep inside one another; counts brackets alone, so what is no JSON is left to
 * JSON.parse.
 */
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

function addKey(frame: Frame, text: string, start: number, end: number): string {
  const key = plainKey(text.slice(start, end))
  if (key === '__proto__' || (key === 'prototype' && frame.name === 'constructor'))
    throw new SwitchboardError(
      'invalid_json',
      'The body has a key that is not allowed: __proto__ or constructor.prototype.',
    )
  if (frame.keys?.has(key)) throw new SwitchboardError('invalid_json', 'The body has the same key twice in one object.')
  if (frame.keys?.size === MAX_KEYS)
    throw new SwitchboardError('invalid_request', `The body has more than ${MAX_KEYS} keys in one object.`)
  frame.keys?.add(key)
  return key
}

function plainKey(raw: string): string {
  if (!raw.includes('\\')) return raw
  try {
    return String(JSON.parse(`"${raw}"`))
  } catch {
    throw new SwitchboardError('invalid_json', 'The body is not valid JSON.')
  }
}
