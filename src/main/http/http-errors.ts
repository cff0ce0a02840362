import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { known, toHttpAnswer } from '../openai/errors.ts'

/** Maps Fastify's errors to ours; an unknown error becomes `internal`. */
export function asSwitchboardError(thrown: unknown): SwitchboardError {
  if (thrown instanceof SwitchboardError) return thrown
  switch (errorCodeOf(thrown)) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new SwitchboardError('payload_too_large', 'The body is larger than this endpoint accepts.')
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new SwitchboardError('unsupported_media_type', 'The content type is not application/json.')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new SwitchboardError('invalid_json', 'The body does not have the length it announced.')
    case 'FST_ERR_BAD_URL':
      return new SwitchboardError('not_found', 'There is nothing at this path.')
    default:
      return byStatus(thrown) ?? known(thrown)
  }
}

/** Maps errors of Fastify and its file server that have only a status. */
function byStatus(thrown: unknown): SwitchboardError | null {
  const status =
    thrown instanceof Error && 'statusCode' in thrown && typeof thrown.statusCode === 'number' ? thrown.statusCode : 500
  if (status === 403 || status === 404) return new SwitchboardError('not_found', 'There is nothing at this path.')
  return status >= 400 && status < 500
    ? new SwitchboardError('invalid_request', 'The request could not be read.')
    : null
}

function errorCodeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : ''
}

/** Answers a request before Fastify sees it. Closes the connection, because the body was not read. */
export function refuse(response: ServerResponse, error: SwitchboardError): void {
  const answer = toHttpAnswer(error)
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-length': Buffer.byteLength(answer.body),
    connection: 'close',
  })
  response.end(answer.body)
}

/** Answers on a bare socket: an upgrade, or bytes that are not an HTTP request. */
export function refuseSocket(socket: Socket, error: SwitchboardError): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const answer = toHttpAnswer(error)
  const headers = { ...answer.headers, 'content-length': String(Buffer.byteLength(answer.body)), connection: 'close' }
  const lines = Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${answer.status} ${REASONS[answer.status] ?? 'Refused'}\r\n${lines}\r\n${answer.body}`, () =>
    socket.destroy(),
  )
}

const REASONS: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
}

/** Maps an error of Node's HTTP parser to ours. */
export function asParserError(failure: Error): SwitchboardError {
  switch (errorCodeOf(failure)) {
    case 'HPE_HEADER_OVERFLOW':
      return new SwitchboardError('headers_too_large', 'The headers are larger than this endpoint accepts.')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new SwitchboardError('request_timeout', 'The request did not arrive in time.')
    default:
      return new SwitchboardError(
        'invalid_request',
        'The bytes received are not an HTTP/1.1 request this endpoint accepts.',
      )
  }
}
