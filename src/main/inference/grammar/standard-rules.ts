import { Node, Rule } from './rule.ts'
import { afterByte, afterCall, afterText, wideCharacter } from './write-rule.ts'

/** Spaces and tabs after a line break, enough for ten levels; bounded, so that a model cannot write blanks for ever. */
const MAX_INDENTATION = 20
/** Digits that a float64 represents exactly. */
const MAX_DIGITS = 15

/**
 * Rules shared by all grammars, and with them the token masks of their states. The masks inside a string are by far the
 * largest and are computed once per vocabulary.
 */
export interface StandardRules {
  readonly blank: Rule
  readonly string: Rule
  readonly number: Rule
  readonly integer: Rule
  readonly any: Rule
}

/** JSON of RFC 8259 with bounded blanks and numbers; strings are well-formed Unicode. */
export function makeStandardRules(): StandardRules {
  const blank = blankRule()
  const string = stringRule()
  const integer = numberRule(false)
  const number = numberRule(true)
  return { blank, string, number, integer, any: anyRule(blank, string, number) }
}

/**
 * Nothing, one space, or a line break with indentation. Bounded, because a weak model writes blanks up to its limit.
 */
function blankRule(): Rule {
  const rule = new Rule()
  rule.entry.ends = true
  afterByte(rule.entry, 0x20).ends = true
  let node = afterByte(rule.entry, 0x0a)
  node.ends = true
  for (let count = 0; count < MAX_INDENTATION; count += 1) {
    const next = afterByte(node, 0x20)
    afterByte(node, 0x09, 0x09, next)
    next.ends = true
    node = next
  }
  return rule
}

function stringRule(): Rule {
  const rule = new Rule()
  const inside = afterByte(rule.entry, 0x22)
  afterByte(inside, 0x22).ends = true
  afterByte(inside, 0x20, 0x21, inside)
  afterByte(inside, 0x23, 0x5b, inside)
  afterByte(inside, 0x5d, 0x7f, inside)
  wideCharacter(inside, inside)
  const escaped = afterByte(inside, 0x5c)
  for (const mark of '"\\/bfnrt') afterText(escaped, mark).skips.push(inside)
  unicodeEscape(afterText(escaped, 'u'), inside)
  return rule
}

/** Four hexadecimal digits; surrogates in pairs only. */
function unicodeEscape(node: Node, next: Node): void {
  const digit = (from: Node, to: Node): Node => {
    afterByte(from, 0x30, 0x39, to)
    afterByte(from, 0x41, 0x46, to)
    return afterByte(from, 0x61, 0x66, to)
  }
  const among = (from: Node, marks: string, to: Node): Node => {
    for (const one of marks) afterByte(from, one.charCodeAt(0), one.charCodeAt(0), to)
    return to
  }
  const lastTwo = new Node()
  digit(digit(lastTwo, new Node()), next)
  const lastThree = new Node()
  digit(lastThree, lastTwo)
  among(node, '0123456789abcefABCEF', lastThree)
  const surrogate = among(node, 'dD', new Node())
  among(surrogate, '01234567', lastTwo)
  const high = digit(digit(among(surrogate, '89abAB', new Node()), new Node()), new Node())
  const low = among(afterText(high, '\\u'), 'dD', new Node())
  among(low, 'cdefCDEF', lastTwo)
}

function numberRule(withFraction: boolean): Rule {
  const rule = new Rule()
  const unsigned = new Node()
  rule.entry.skips.push(unsigned)
  afterByte(rule.entry, 0x2d, 0x2d, unsigned)
  // All ends of the integer part lead here.
  const whole = new Node()
  whole.ends = true
  afterByte(unsigned, 0x30, 0x30, whole)
  digits(afterByte(unsigned, 0x31, 0x39), MAX_DIGITS - 1, whole)
  if (!withFraction) return rule
  const fraction = new Node()
  fraction.ends = true
  digits(afterByte(afterText(whole, '.'), 0x30, 0x39), MAX_DIGITS - 1, fraction)
  for (const node of [whole, fraction]) {
    const exponent = new Node()
    for (const mark of [0x65, 0x45]) {
      const marked = afterByte(node, mark)
      marked.skips.push(exponent)
      afterByte(marked, 0x2b, 0x2b, exponent)
      afterByte(marked, 0x2d, 0x2d, exponent)
    }
    // Two digits, so that a number stays far below infinity.
    const end = new Node()
    end.ends = true
    digits(afterByte(exponent, 0x30, 0x39), 1, end)
  }
  return rule
}

/** Up to `max` further digits, then `next`. */
function digits(node: Node, max: number, next: Node): void {
  let at = node
  at.skips.push(next)
  for (let count = 0; count < max; count += 1) {
    at = afterByte(at, 0x30, 0x39)
    at.skips.push(next)
  }
}

function anyRule(blank: Rule, string: Rule, number: Rule): Rule {
  const rule = new Rule()
  const end = new Node()
  end.ends = true
  afterCall(rule.entry, string, end)
  afterCall(rule.entry, number, end)
  for (const text of ['true', 'false', 'null']) afterText(rule.entry, text).skips.push(end)

  const opened = afterCall(afterText(rule.entry, '['), blank)
  const item = new Node()
  opened.skips.push(item)
  afterByte(opened, 0x5d, 0x5d, end)
  const afterItem = afterCall(afterCall(item, rule), blank)
  afterByte(afterItem, 0x5d, 0x5d, end)
  afterCall(afterText(afterItem, ','), blank, item)

  const entered = afterCall(afterText(rule.entry, '{'), blank)
  const member = new Node()
  entered.skips.push(member)
  afterByte(entered, 0x7d, 0x7d, end)
  const value = afterCall(afterText(afterCall(member, string), ':'), blank)
  const afterMember = afterCall(afterCall(value, rule), blank)
  afterByte(afterMember, 0x7d, 0x7d, end)
  afterCall(afterText(afterMember, ','), blank, member)
  return rule
}
