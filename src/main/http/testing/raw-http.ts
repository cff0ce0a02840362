import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  /** 0 when the connection ended without an answer. */
  readonly status: number
  /** Names in lower case; of repeated headers the last. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Sends raw bytes and reads until the server closes or one complete answer has arrived. */
export async function sendRaw(port: number, bytes: string | Buffer | ((socket: Socket) => void)): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  const received: Buffer[] = []
  return await new Promise<RawAnswer>((resolve) => {
    const finish = () => {
      socket.destroy()
      resolve(parseAnswer(Buffer.concat(received).toString('utf8')))
    }
    socket.on('data', (chunk: Buffer) => {
      received.push(chunk)
      if (isWhole(Buffer.concat(received).toString('latin1'))) finish()
    })
    socket.on('close', finish)
    // A server that refuses early may reset the connection while we still write; the answer is what came before.
    socket.on('error', () => socket.destroy())
    socket.on('connect', () => {
      if (typeof bytes === 'function') bytes(socket)
      else socket.write(bytes)
    })
  })
}

/** Resolves when the server has closed. `next` is sent after the first data arrived. */
export async function closedAfter(port: number, bytes: string | Buffer, next?: string): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  const received: Buffer[] = []
  return await new Promise<RawAnswer>((resolve) => {
    socket.on('data', (chunk: Buffer) => void received.push(chunk))
    if (next !== undefined) socket.once('data', () => socket.write(next))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => resolve(parseAnswer(Buffer.concat(received).toString('utf8'))))
    socket.write(bytes)
  })
}

/** An HTTP/1.1 request; `headers` replace the defaults by name, null omits one. */
export function requestText(
  port: number,
  method: string,
  target: string,
  headers: Readonly<Record<string, string | null>> = {},
  body = '',
): string {
  const all: Record<string, string | null> = {
    Host: `127.0.0.1:${port}`,
    Connection: 'close',
    ...(body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...headers,
  }
  const lines = Object.entries(all)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body}`
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end + 2))?.[1]
  return length !== undefined && text.length >= end + 4 + Number(length)
}

function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = (end < 0 ? text : text.slice(0, end)).split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  return {
    status: Number(/^HTTP\/1\.1 (\d{3})/.exec(statusLine)?.[1] ?? 0),
    headers,
    body: end < 0 ? '' : text.slice(end + 4),
  }
}
