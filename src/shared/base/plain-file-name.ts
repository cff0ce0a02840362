/**
 * The name if it can name a file directly inside a folder, else null. The one check for file names from a file, a request
 * or a folder listing. Refuses separators, `.` and `..`, drive letters and streams (`:`), control, bidirectional and other
 * invisible characters, names that Windows reserves or changes (`CON`, trailing dot or space), and more than 255 bytes of
 * UTF-8.
 */
export function plainFileName(name: string): string | null {
  if (name === '' || name === '.' || name === '..') return null
  if (/[/\\:*?"<>|]/u.test(name) || /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffd]/u.test(name)) return null
  if (/[. ]$/u.test(name) || /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/iu.test(name)) return null
  return utf8Length(name) <= 255 ? name : null
}

function utf8Length(text: string): number {
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}
