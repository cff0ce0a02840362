import { Place, type Rule } from './rule.ts'

/** The place after one byte out of a range (both ends included). */
export function afterByte(place: Place, from: number, to = from, next = new Place()): Place {
  place.bytes.push({ from, to, next })
  return next
}

/** The place after exactly these bytes. */
export function afterBytes(place: Place, bytes: Uint8Array): Place {
  let at = place
  for (const byte of bytes) at = afterByte(at, byte)
  return at
}

const encoder = new TextEncoder()

/** The place after exactly this text. */
export function afterText(place: Place, text: string): Place {
  return afterBytes(place, encoder.encode(text))
}

/** The place after a whole other rule. */
export function afterCall(place: Place, rule: Rule, back = new Place()): Place {
  place.calls.push({ rule, back })
  return back
}

/**
 * The rest of one character whose first byte may be any above 0x7f: well-formed UTF-8 only (Unicode 15, table 3-7).
 * Ascii is
 * the caller's business.
 */
export function wideCharacter(place: Place, next: Place): void {
  const last = new Place()
  afterByte(last, 0x80, 0xbf, next)
  const lastTwo = new Place()
  afterByte(lastTwo, 0x80, 0xbf, last)
  afterByte(place, 0xc2, 0xdf, last)
  afterByte(afterByte(place, 0xe0), 0xa0, 0xbf, last)
  afterByte(place, 0xe1, 0xec, lastTwo)
  afterByte(afterByte(place, 0xed), 0x80, 0x9f, last)
  afterByte(place, 0xee, 0xef, lastTwo)
  afterByte(afterByte(place, 0xf0), 0x90, 0xbf, lastTwo)
  const lastThree = afterByte(place, 0xf1, 0xf3)
  afterByte(lastThree, 0x80, 0xbf, lastTwo)
  afterByte(afterByte(place, 0xf4), 0x80, 0x8f, lastTwo)
}
