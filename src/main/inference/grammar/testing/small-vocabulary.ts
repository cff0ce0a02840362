/** All bytes, one by one, and pieces that cross the borders of JSON, as the vocabulary of a real model has them. Ids 0 and 1 are special. */
export const smallVocabulary: readonly Uint8Array[] = (() => {
  const pieces = [
    '{"', '":', '": ', '", "', '","', '"}', '"},', '"}]', '}}', '}]', '},{"', '}, {"', '[{"', '[[', ']]', '],', '":"', '": "', '":{"', '":[', '""', '{}', '[]', '  ', '    ', '\n', '\n  ', '\n    ', ' {', ' "', ', ', ': ',
    'true', 'false', 'null', ' true', 'tr', 'ue', 'fal', 'se,', 'null}', '0', '1', '12', '3.5', '-1', 'e1', '1e', '.5', '100', '007', '1,', '2]',
    'name', '"name', '"name"', '"name":', 'na', 'me":', 'status', '"status": "', 'open', 'closed', '"open"', '"closed"}', 'op', 'en"', 'a', 'ab', 'abc', '"a"', '"b"', '"a":', 'the', ' the', 'hello', '\\n', '\\"', '\\u', '\\u00', '\\ud83d', '\\ud', '\\\\',
    '订单', '订', '单', '"订单', '单":', '退款', '退', '款"', '状态', '你好', '你好"', '"}\n</tool_call>', '<tool_call>', '<tool', '_call>', '<tool_call>\n', '<tool_call>\n{"', '</tool_call>', '{"name": "', '", "arguments": ', '"arguments"', '}\n', 'items', '"items": [', 'kind', 'left', 'right', 'value', 'next',
  ]
  const encoder = new TextEncoder()
  const split = encoder.encode('订单状态退款🎁')
  return [
    new Uint8Array(0), new Uint8Array(0),
    ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
    // Parts of characters, as byte-level vocabularies have them.
    ...Array.from({ length: split.length - 1 }, (_, at) => split.subarray(at, at + 2)),
    ...pieces.map((piece) => encoder.encode(piece)),
    // The same text under a second id.
    encoder.encode('"a"'),
  ]
})()

/** The table as it travels with a load. */
export function pack(tokens: readonly Uint8Array[]): Uint8Array {
  const parts: number[] = []
  for (const token of tokens) {
    let left = token.length
    for (; left > 0x7f; left >>= 7) parts.push((left & 0x7f) | 0x80)
    parts.push(left, ...token)
  }
  return Uint8Array.from(parts)
}
