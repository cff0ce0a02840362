import { extname, join } from 'node:path'

/** Address of the window's page. Unlike file:, a scheme of our own has an origin. */
export const pageOrigin = { scheme: 'app', host: 'switchboard', start: 'app://switchboard/index.html' } as const

/** File types of the build; other files are not served. */
const mediaTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
}

/** Whether an address belongs to our own page, the only one that may be shown and send messages. */
export function isPageAddress(address: string): boolean {
  const url = URL.parse(address)
  return (
    url !== null &&
    url.protocol === `${pageOrigin.scheme}:` &&
    url.host === pageOrigin.host &&
    url.username === '' &&
    url.password === ''
  )
}

/**
 * The file and media type for an address of the page; null for anything but a plain file of the build: other hosts,
 * paths that leave the folder (also encoded), hidden files, other file types.
 */
export function pageFile(
  folder: string,
  address: string,
): { readonly path: string; readonly mediaType: string } | null {
  if (!isPageAddress(address)) return null
  const encoded = new URL(address).pathname
  let path: string
  try {
    path = decodeURIComponent(encoded)
  } catch {
    return null
  }
  const parts = path.split('/').slice(1)
  // Names as bundlers write them: no leading dot, no separator of any system, no NUL.
  if (!parts.every((part) => /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(part))) return null
  const mediaType = mediaTypes[extname(path)]
  return mediaType === undefined ? null : { path: join(folder, ...parts), mediaType }
}
