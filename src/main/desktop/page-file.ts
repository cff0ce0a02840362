import { extname, join } from 'node:path'

/** Where the window's page lives. A scheme of our own has an origin, which file: has not. */
export const pageOrigin = { scheme: 'app', host: 'switchboard', start: 'app://switchboard/index.html' } as const

/** Kinds of files the build writes; anything else under the folder is not served. */
const mediaTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
}

/** Whether an address is on our own page: the only place whose messages are answered and that may be shown. */
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
 * The file an address of the page names, with its media type; null for everything that is not a plain file of the built
 * page: other hosts, escapes upwards (encoded ones too), hidden files, unknown kinds.
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
  // One rule for every part: what a bundler names its files. No dots in front, no separators of any system, no NUL.
  if (!parts.every((part) => /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(part))) return null
  const mediaType = mediaTypes[extname(path)]
  return mediaType === undefined ? null : { path: join(folder, ...parts), mediaType }
}
