import { Node, type Rule } from './rule.ts'

/** The node after one byte of a range (inclusive). */
export function afterByte(node: Node, from: number, to = from, next = new Node()): Node {
  node.bytes.push({ from, to, next })
  return next
}

/** The node after these bytes. */
export function afterBytes(node: Node, bytes: Uint8Array): Node {
  let at = node
  for (const byte of bytes) at = afterByte(at, byte)
  return at
}

const encoder = new TextEncoder()

/** The node after this text. */
export function afterText(node: Node, text: string): Node {
  return afterBytes(node, encoder.encode(text))
}

/** The node after a call of another rule. */
export function afterCall(node: Node, rule: Rule, back = new Node()): Node {
  node.calls.push({ rule, back })
  return back
}

/** One character beyond ASCII as well-formed UTF-8 (Unicode 15, table 3-7). */
export function wideCharacter(node: Node, next: Node): void {
  const last = new Node()
  afterByte(last, 0x80, 0xbf, next)
  const lastTwo = new Node()
  afterByte(lastTwo, 0x80, 0xbf, last)
  afterByte(node, 0xc2, 0xdf, last)
  afterByte(afterByte(node, 0xe0), 0xa0, 0xbf, last)
  afterByte(node, 0xe1, 0xec, lastTwo)
  afterByte(afterByte(node, 0xed), 0x80, 0x9f, last)
  afterByte(node, 0xee, 0xef, lastTwo)
  afterByte(afterByte(node, 0xf0), 0x90, 0xbf, lastTwo)
  const lastThree = afterByte(node, 0xf1, 0xf3)
  afterByte(lastThree, 0x80, 0xbf, lastTwo)
  afterByte(afterByte(node, 0xf4), 0x80, 0x8f, lastTwo)
}
