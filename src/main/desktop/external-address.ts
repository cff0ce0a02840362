/**
 * The address of a web page that may be passed to the operating system, or null. Handlers of other schemes (file:,
 * smb:, ms-msdt:) do more than show a page, and credentials in an address disguise its host.
 */
export function externalAddress(text: string): URL | null {
  // The parser drops control characters and spaces, so an address with them is not what it looks like.
  if (text.length > 2000 || !/^https?:\/\/[\x21-\x7e\u00a0-\uffff]+$/i.test(text) || text.includes('\\')) return null
  const url = URL.parse(text)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null
  if (url.username !== '' || url.password !== '' || url.hostname === '') return null
  return url
}
