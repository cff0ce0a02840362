/** A link a person may be offered to open. */
export interface SafeUrl {
  readonly href: string
  readonly host: string
}

/** http and https without credentials; everything else is null and shown as text. */
export function safeUrl(text: string | undefined): SafeUrl | null {
  if (text === undefined || !URL.canParse(text)) return null
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return null
  if (url.username !== '' || url.password !== '' || url.host === '') return null
  return { href: url.href, host: url.host }
}
