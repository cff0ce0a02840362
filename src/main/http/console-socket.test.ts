import { createORPCClient, isDefinedError, safe } from '@orpc/client'
import { RPCLink as PortLink } from '@orpc/client/message-port'
import { RPCLink as SocketLink } from '@orpc/client/websocket'
import type { ContractRouterClient } from '@orpc/contract'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { consoleContract } from '../../shared/contracts/console.ts'
import { FakeConsole } from '../../shared/contracts/console.fake.ts'
import type { TurnEvent } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { attachConsolePipe } from '../console/console-pipe.ts'
import { createConsoleRouter } from '../console/console-router.ts'
import type { ConsoleHandlers } from '../console/console-handlers.ts'
import type { Log } from '../platform/log.ts'
import { type FakeEndpoint, startFakeEndpoint } from './testing/endpoint.ts'
import { handlersOf } from './testing/fake-handlers.ts'

type Client = ContractRouterClient<typeof consoleContract>

let endpoint: FakeEndpoint
let fake: FakeConsole
let handlers: { -readonly [Group in keyof ConsoleHandlers]: ConsoleHandlers[Group] }
const sockets: WebSocket[] = []

beforeEach(async () => {
  fake = new FakeConsole()
  handlers = handlersOf(fake)
  endpoint = await startFakeEndpoint({ handlers })
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate()
  await endpoint.close()
})

interface SocketOptions {
  readonly protocols?: readonly string[]
  readonly origin?: string | undefined
  readonly path?: string
  readonly headers?: Record<string, string>
  readonly autoPong?: boolean
}

function openSocket({
  protocols = ['switchboard.console.v1', `key.${endpoint.consoleSecret}`],
  origin = endpoint.url,
  path = '/console/ws',
  headers = {},
  autoPong = true,
}: SocketOptions = {}): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${endpoint.port}${path}`, [...protocols], {
    ...(origin === '' ? {} : { origin }),
    headers,
    perMessageDeflate: false,
    autoPong,
  })
  sockets.push(socket)
  return socket
}

async function connect(): Promise<{ client: Client; socket: WebSocket }> {
  const socket = openSocket()
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  if (!isBrowserSocket(socket)) throw new TypeError('ws is no WebSocket any more')
  return { socket, client: createORPCClient(new SocketLink({ websocket: socket })) }
}

/** The class of ws has everything the client uses of the browser's. */
function isBrowserSocket(socket: object): socket is globalThis.WebSocket {
  return 'addEventListener' in socket && 'readyState' in socket
}

/** Status of a refused handshake; 101 when it was accepted. */
const statusOf = (options: SocketOptions) =>
  new Promise<number>((resolve, reject) => {
    const socket = openSocket(options)
    socket.once('open', () => resolve(101))
    socket.once('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0))
    socket.once('error', reject)
  })

async function createConversation(client: Client): Promise<string> {
  return (await client.conversations.create({})).id
}

describe('the WebSocket is refused before the upgrade', () => {
  const secret = () => `key.${endpoint.consoleSecret}`
  test.each([
    ['no subprotocol', () => ({ protocols: [] }), 401],
    ['no key', () => ({ protocols: ['switchboard.console.v1'] }), 401],
    ['a wrong key', () => ({ protocols: ['switchboard.console.v1', 'key.wrong'] }), 401],
    [
      'an API key instead of the console secret',
      () => ({ protocols: ['switchboard.console.v1', `key.${endpoint.key}`] }),
      401,
    ],
    ['the key alone', () => ({ protocols: [secret()] }), 401],
    ['a third subprotocol', () => ({ protocols: ['switchboard.console.v1', secret(), 'other'] }), 401],
    ['a foreign origin', () => ({ origin: 'https://evil.example' }), 403],
    ['an origin on another port', () => ({ origin: 'http://127.0.0.1:1' }), 403],
    ['the origin null', () => ({ origin: 'null' }), 403],
    ['no origin', () => ({ origin: '' }), 403],
    ['a foreign host', () => ({ headers: { host: 'evil.example' } }), 403],
    [
      'a host by another of its own names than the origin',
      () => ({ headers: { host: `localhost:${endpoint.port}` } }),
      403,
    ],
    ['another path', () => ({ path: '/v1/chat/completions' }), 400],
    ['the key in the query', () => ({ path: '/console/ws?key=x' }), 400],
  ] satisfies [string, () => SocketOptions, number][])('%s', async (_name, options, status) => {
    expect(await statusOf(options())).toBe(status)
  })

  test('a right one is accepted, with the console subprotocol only', async () => {
    const { socket } = await connect()
    expect(socket.protocol).toBe('switchboard.console.v1')
  })

  test('without a console every upgrade is refused', async () => {
    const bare = await startFakeEndpoint()
    const socket = new WebSocket(
      `ws://127.0.0.1:${bare.port}/console/ws`,
      ['switchboard.console.v1', `key.${bare.consoleSecret}`],
      { origin: bare.url },
    )
    const status = await new Promise((resolve) =>
      socket
        .once('unexpected-response', (_request, response) => resolve(response.statusCode))
        .once('error', () => undefined),
    )
    socket.terminate()
    await bare.close()
    expect(status).toBe(400)
  })
})

describe('windows', () => {
  const restart = async (limits: Parameters<typeof startFakeEndpoint>[0]) => {
    await endpoint.close()
    endpoint = await startFakeEndpoint({ handlers, ...limits })
  }

  test('one more than there may be is refused', async () => {
    await restart({ limits: { consoleConnections: 1 } })
    await connect()
    expect(await statusOf({})).toBe(429)
  })

  test('one that no longer answers is let go, one that does stays', async () => {
    await restart({ limits: { consolePingMs: 40 } })
    const { client } = await connect()
    const dead = openSocket({ autoPong: false })
    await new Promise((resolve) => dead.once('close', resolve))
    expect((await client.app.info()).host).toBe('headless')
  })

  test('are closed with the server', async () => {
    const { socket } = await connect()
    const closed = new Promise((resolve) => socket.once('close', resolve))
    await endpoint.server.close(0)
    expect(await closed).toBe(1001)
  })
})

describe('calls over the WebSocket', () => {
  test('values, defaults of the schema and void pass through', async () => {
    const list = vi.fn(handlers.conversations.list)
    handlers.conversations = { ...handlers.conversations, list }
    await endpoint.close()
    endpoint = await startFakeEndpoint({ handlers })
    const { client } = await connect()
    expect(await client.app.info()).toEqual({ version: '0.1.0', host: 'headless', home: '/home/office/.switchboard' })
    await client.conversations.list({})
    expect(list.mock.calls[0]?.[0]).toEqual({ limit: 60 })
    const id = await createConversation(client)
    expect(await client.conversations.remove({ id })).toBeUndefined()
  })

  test('our errors arrive as SWITCHBOARD with their data', async () => {
    const { client } = await connect()
    const { error } = await safe(client.conversations.get({ id: 'nobody' }))
    expect(error !== null && isDefinedError(error) && error).toMatchObject({
      code: 'SWITCHBOARD',
      data: { code: 'conversation_not_found' },
    })
  })

  test('what the schema refuses arrives as invalid_request naming the field', async () => {
    const { client } = await connect()
    const { error } = await safe(client.settings.update({ slots: 0 }))
    expect(error).toMatchObject({ code: 'SWITCHBOARD', data: { code: 'invalid_request', param: 'slots' } })
  })

  test('anything else becomes internal, without its message, and is logged', async () => {
    handlers.models = {
      ...handlers.models,
      list: () => {
        throw new Error('/secret/path')
      },
    }
    await endpoint.close()
    endpoint = await startFakeEndpoint({ handlers })
    const { client } = await connect()
    const { error } = await safe(client.models.list())
    expect(error).toMatchObject({ code: 'SWITCHBOARD', data: { code: 'internal' } })
    expect(JSON.stringify(error)).not.toContain('/secret/path')
    expect(endpoint.logged.map(({ level, fields }) => [level, fields['path']])).toEqual([['error', 'models.list']])
  })

  test('long texts and every kind of character arrive as they were sent', async () => {
    const { client } = await connect()
    const id = await createConversation(client)
    const text = `${'长文本 🧵 \u0000\u202e "\\\n'.repeat(11_000)}end`
    const events: TurnEvent[] = []
    for await (const event of await client.chat.send({ conversationId: id, text })) events.push(event)
    expect(events[0]).toMatchObject({ kind: 'started', userMessage: { content: text } })
    expect((await client.conversations.get({ id })).messages[0]?.content).toBe(text)
  })

  test('an invalid call closes its connection and no other', async () => {
    const { client } = await connect()
    const other = await connect()
    const closed = new Promise((resolve) => other.socket.once('close', resolve))
    other.socket.send('{"no":"call"')
    expect(await closed).toBe(1008)
    expect((await client.app.info()).version).toBe('0.1.0')
  })

  test('a message beyond the limit closes the connection', async () => {
    const { socket } = await connect()
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.send('x'.repeat(3 * 1024 * 1024))
    expect(await closed).toBe(1009)
  })
})

describe('streams over the WebSocket', () => {
  /** A turn that only ends when aborted, and reports it. */
  function endlessTurns(): { readonly ended: Promise<string>; readonly given: () => number } {
    let given = 0
    let tell: (how: string) => void = () => undefined
    const ended = new Promise<string>((resolve) => (tell = resolve))
    handlers.chat = {
      ...handlers.chat,
      async *send(_input, signal) {
        signal.addEventListener('abort', () => tell('aborted'), { once: true })
        for (;;) {
          yield { kind: 'delta', messageId: 'm', text: 'x'.repeat(1000) }
          given++
          await new Promise((resolve) => setImmediate(resolve))
        }
      },
    }
    return { ended, given: () => given }
  }

  async function restart(): Promise<{ client: Client; socket: WebSocket }> {
    await endpoint.close()
    endpoint = await startFakeEndpoint({ handlers, limits: { stalledReaderMs: 400 } })
    return connect()
  }

  test('a turn arrives event by event', async () => {
    const { client } = await connect()
    const id = await createConversation(client)
    const kinds: string[] = []
    for await (const event of await client.chat.send({ conversationId: id, text: 'hello' })) kinds.push(event.kind)
    expect([kinds[0], kinds.at(-1), kinds.includes('delta')]).toEqual(['started', 'ended', true])
  })

  test('leaving the iteration aborts the service', async () => {
    const turns = endlessTurns()
    const { client } = await restart()
    for await (const event of await client.chat.send({ conversationId: 'c', text: 'hello' })) {
      expect(event.kind).toBe('delta')
      break
    }
    expect(await turns.ended).toBe('aborted')
  })

  test('aborting the signal aborts the service', async () => {
    const turns = endlessTurns()
    const { client } = await restart()
    const controller = new AbortController()
    const stream = await client.chat.send({ conversationId: 'c', text: 'hello' }, { signal: controller.signal })
    await stream[Symbol.asyncIterator]().next()
    controller.abort()
    expect(await turns.ended).toBe('aborted')
  })

  test('a closed connection aborts the service', async () => {
    const turns = endlessTurns()
    const { client, socket } = await restart()
    const stream = await client.chat.send({ conversationId: 'c', text: 'hello' })
    await stream[Symbol.asyncIterator]().next()
    socket.terminate()
    expect(await turns.ended).toBe('aborted')
  })

  test('a window that takes nothing makes the service wait and is cut', async () => {
    const turns = endlessTurns()
    const { client, socket } = await restart()
    await client.chat.send({ conversationId: 'c', text: 'hello' })
    socket.pause()
    expect(await turns.ended).toBe('aborted')
    // 1 kB each: the 256 kB buffer plus the kernel's socket buffers, not what the service could have produced
    expect(turns.given()).toBeLessThan(20_000)
  })

  test('an error in the middle arrives as SWITCHBOARD after the events before it', async () => {
    handlers.chat = {
      ...handlers.chat,
      async *send() {
        yield { kind: 'delta', messageId: 'm', text: 'first' }
        throw new SwitchboardError('engine_crashed', 'The engine stopped.', { retryAfterSeconds: 2 })
      },
    }
    const { client } = await restart()
    const texts: string[] = []
    const reading = (async () => {
      for await (const event of await client.chat.send({ conversationId: 'c', text: 'hello' }))
        if (event.kind === 'delta') texts.push(event.text)
    })()
    await expect(reading).rejects.toMatchObject({
      code: 'SWITCHBOARD',
      data: { code: 'engine_crashed', retryAfterSeconds: 2 },
    })
    expect(texts).toEqual(['first'])
  })

  test('a silent status stream ends when its reader leaves', async () => {
    const { client } = await connect()
    const stream = await client.app.status()
    const iterator = stream[Symbol.asyncIterator]()
    expect((await iterator.next()).done).toBe(false)
    await iterator.return?.()
    expect((await client.app.info()).host).toBe('headless')
  })
})

test('the same router answers a pipe of strings, as the desktop window has', async () => {
  const log: Log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const toServer: ((message: string) => void)[] = []
  const toClient: ((event: { data: unknown }) => void)[] = []
  let close = () => undefined as void
  const kinds = new Set<string>()
  attachConsolePipe(
    createConsoleRouter(handlers, log),
    {
      send: (message) => {
        kinds.add(typeof message)
        queueMicrotask(() => {
          for (const listener of toClient) listener({ data: message })
        })
      },
      onMessage: (listener) => void toServer.push(listener),
      onClose: (listener) => {
        close = listener
      },
    },
    log,
  )
  const client: Client = createORPCClient(
    new PortLink({
      port: {
        on: (event: string, callback: (event?: { data: unknown }) => void) => {
          if (event === 'message') toClient.push(callback)
        },
        postMessage: (data: unknown) => {
          kinds.add(typeof data)
          queueMicrotask(() => {
            for (const listener of toServer) listener(String(data))
          })
        },
      },
    }),
  )
  const id = await createConversation(client)
  let last: TurnEvent | undefined
  for await (const event of await client.chat.send({ conversationId: id, text: 'hello' })) last = event
  expect(last).toMatchObject({ kind: 'ended', message: { state: { kind: 'complete' } } })
  expect([...kinds]).toEqual(['string'])
  close()
})

describe('the console page', () => {
  test('is public, with a policy that lets it run and reach nothing but itself', async () => {
    const response = await fetch(`${endpoint.url}/console/`)
    expect(response.status).toBe(200)
    expect(await response.text()).toContain('<!doctype html>')
    expect(response.headers.get('content-type')).toContain('text/html')
    expect(response.headers.get('content-security-policy')).toMatch(
      /default-src 'none'; script-src 'self'; .*connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'/,
    )
    expect([response.headers.get('x-content-type-options'), response.headers.get('referrer-policy')]).toEqual([
      'nosniff',
      'no-referrer',
    ])
    expect((await fetch(`${endpoint.url}/console`, { redirect: 'manual' })).headers.get('location')).toBe('/console/')
  })

  test.each(['.secret', '..%2f..%2fetc%2fpasswd', '%2e%2e/secret', 'missing.js', '..%5c..%5cx', '%00'])(
    '%s is not served',
    async (path) => {
      const response = await fetch(`${endpoint.url}/console/${path}`)
      expect([400, 401, 403, 404]).toContain(response.status)
      expect(((await response.json()) as { error: { code: string } }).error.code).toMatch(
        /not_found|unauthorized|invalid_request/,
      )
    },
  )

  test('its secret opens the endpoint as a key does', async () => {
    expect(
      (await fetch(`${endpoint.url}/v1/models`, { headers: { authorization: `Bearer ${endpoint.consoleSecret}` } }))
        .status,
    ).toBe(200)
  })
})
