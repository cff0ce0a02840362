import type { IncomingMessage } from 'node:http'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** Headers of one request; no honest client comes near. */
const MAX_HEADERS = 200

const names = ['127.0.0.1', 'localhost', '[::1]'] as const
/** Clients leave it out of Host and Origin. */
const HTTP_PORT = 80

/** The authorities this server answers to, exactly as a client writes them in Host. */
export function allowedHosts(port: number): ReadonlySet<string> {
  return new Set([...names.map((name) => `${name}:${port}`), ...(port === HTTP_PORT ? names : [])])
}

/**
 * Whom the request was meant for and which page sent it, before anything else is looked at. Loopback alone protects
 * nothing: a web page can reach it, by a rebound name or directly.
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

/** The one Host header; null when it is missing or sent twice. */
function onlyHost(request: IncomingMessage): string | null {
  let host: string | null = null
  for (let at = 0; at < request.rawHeaders.length; at += 2) {
    if (request.rawHeaders[at]?.toLowerCase() !== 'host') continue
    if (host !== null) return null
    host = request.rawHeaders[at + 1] ?? ''
  }
  return host
}

/** A target in absolute form overrules Host (RFC 9112, 3.2.2), so its authority has to pass as well. */
function checkTarget(target: string, hosts: ReadonlySet<string>): void {
  if (target.startsWith('/') || target === '*') return
  const authority = /^http:\/\/([^/?#]*)/i.exec(target)?.[1]
  if (authority === undefined || !hosts.has(authority))
    throw new SwitchboardError('host_not_allowed', 'The request target is not an address of this endpoint.')
}

/**
 * Browsers say which page sent a request; programs say nothing. A page of another origin, even on another port, is
 * refused.
 */
function checkOrigin(request: IncomingMessage, host: string): void {
  const { origin } = request.headers
  const site = request.headers['sec-fetch-site']
  const foreignOrigin = origin !== undefined && origin !== `http://${host}`
  const foreignSite = site !== undefined && site !== 'same-origin' && site !== 'none'
  if (foreignOrigin || foreignSite)
    throw new SwitchboardError('origin_not_allowed', 'The request comes from a page of another site.')
}

/**
 * A body is JSON in UTF-8 and nothing else: `text/plain` and forms are what a foreign page may send without asking.
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

/** A path whose escapes cannot be decoded names nothing; it takes the same way as any other unknown path. */
export function decodableTarget(target: string): string {
  try {
    decodeURIComponent(target)
    return target
  } catch {
    return '/undecodable'
  }
}
