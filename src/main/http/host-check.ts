import type { IncomingMessage } from 'node:http'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** Headers of one request, far above what real clients send. */
const MAX_HEADERS = 200

const HOST_NAMES = ['127.0.0.1', 'localhost', '[::1]'] as const
/** The default port, which clients omit in Host and Origin. */
const HTTP_PORT = 80

/** The authorities of this server, as clients write them in Host. */
export function allowedHosts(port: number): ReadonlySet<string> {
  return new Set([...HOST_NAMES.map((name) => `${name}:${port}`), ...(port === HTTP_PORT ? HOST_NAMES : [])])
}

/**
 * Checks the target and the origin of a request before anything else. Listening on loopback alone is no protection: a
 * web page can reach it directly or through DNS rebinding.
 * @throws SwitchboardError headers_too_large, invalid_request, host_not_allowed, origin_not_allowed.
 */
export function checkHost(request: IncomingMessage, hosts: ReadonlySet<string>): void {
  if (request.rawHeaders.length > 2 * MAX_HEADERS)
    throw new SwitchboardError('headers_too_large', `The request has more than ${MAX_HEADERS} headers.`)
  const host = onlyHost(request)
  if (host === null) throw new SwitchboardError('invalid_request', 'The request needs exactly one Host header.')
  if (!hosts.has(host))
    throw new SwitchboardError('host_not_allowed', 'The Host header is not an address of this endpoint.')
  checkTarget(request.url ?? '', hosts)
  checkOrigin(request, host)
}

/** The Host header; null when it is missing or repeated. */
function onlyHost(request: IncomingMessage): string | null {
  let host: string | null = null
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    if (request.rawHeaders[at]?.toLowerCase() !== 'host') continue
    if (host !== null) return null
    host = request.rawHeaders[at + 1] ?? ''
  }
  return host
}

/** A target in absolute form overrides Host (RFC 9112, 3.2.2), so its authority is checked as well. */
function checkTarget(target: string, hosts: ReadonlySet<string>): void {
  if (target.startsWith('/') || target === '*') return
  const authority = /^http:\/\/([^/?#]*)/i.exec(target)?.[1]
  if (authority === undefined || !hosts.has(authority))
    throw new SwitchboardError('host_not_allowed', 'The request target is not an address of this endpoint.')
}

/** Browsers name the page that sent a request; other programs do not. Pages of any other origin are refused. */
function checkOrigin(request: IncomingMessage, host: string): void {
  const { origin } = request.headers
  const site = request.headers['sec-fetch-site']
  const foreignOrigin = origin !== undefined && origin !== `http://${host}`
  const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none'
  if (foreignOrigin || foreignSite)
    throw new SwitchboardError('origin_not_allowed', 'The request comes from a page of another site.')
}

/**
 * Accepts only JSON in UTF-8: a foreign page may send `text/plain` and forms without a CORS preflight.
 * @throws SwitchboardError unsupported_media_type.
 */
export function checkMediaType(request: IncomingMessage): void {
  const encoding = request.headers['content-encoding']
  if (encoding !== undefined && encoding !== 'identity')
    throw new SwitchboardError('unsupported_media_type', 'Encoded bodies are not accepted.')
  if (!/^application\/json(; ?charset=("utf-8"|utf-8))?$/i.test(request.headers['content-type'] ?? '')) {
    throw new SwitchboardError('unsupported_media_type', 'The content type is not application/json.')
  }
}

/** Maps a target with invalid escapes to a path that does not exist, so that it is refused like any unknown path. */
export function decodableTarget(target: string): string {
  try {
    decodeURIComponent(target)
    return target
  } catch {
    return '/undecodable'
  }
}
