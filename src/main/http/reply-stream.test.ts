import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { type FakeEndpoint, readyEngine, startFakeEndpoint } from './testing/endpoint.ts'
import { requestText, sendRaw } from './testing/raw-http.ts'

/** Generous, because the machine may be busy; no test here is about speed. */
const patience = { timeout: 20_000 }

let endpoint: FakeEndpoint
const sockets: Socket[] = []

beforeEach(async () => {
  endpoint = await startFakeEndpoint({ limits: { stalledReaderMs: 300, keepAliveCommentMs: 40 } })
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await endpoint.close()
})

const headers = (extra: Record<string, string> = {}) => ({
  authorization: `Bearer ${endpoint.key}`,
  'content-type': 'application/json',
  ...extra,
})
const bodyOf = (extra: object = {}) => JSON.stringify({ messages: [{ role: 'user', content: 'x' }], ...extra })
const ask = (extra: object = {}, more: Record<string, string> = {}) =>
  fetch(`${endpoint.url}/v1/chat/completions`, { method: 'POST', headers: headers(more), body: bodyOf(extra) })

/** Opens a stream on a bare socket. */
function openStream(extra: object = {}): Socket {
  const socket = connect(endpoint.port, '127.0.0.1')
  socket.on('error', () => socket.destroy())
  sockets.push(socket)
  socket.write(
    requestText(
      endpoint.port,
      'POST',
      '/v1/chat/completions',
      { Authorization: `Bearer ${endpoint.key}`, 'Content-Type': 'application/json' },
      bodyOf({ stream: true, ...extra }),
    ),
  )
  return socket
}

function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

const running = (count: number) => expect.poll(() => endpoint.replies.running, patience).toBe(count)

describe('a client that leaves (F16)', () => {
  test.each(['queued', 'before the first token', 'between tokens'] as const)(
    '%s: its reply is stopped',
    async (phase) => {
      const queue = gate()
      endpoint.replies.script = () =>
        phase === 'queued'
          ? { queued: queue.opened }
          : phase === 'between tokens'
            ? { endless: true }
            : { endless: true, paced: () => queue.opened }
      const socket = openStream()
      await running(1)
      if (phase === 'between tokens') await expect.poll(() => endpoint.replies.deltas, patience).toBeGreaterThan(10)
      socket.destroy()
      await running(0)
      expect(endpoint.server.counts.active).toBe(0)
      const deltas = endpoint.replies.deltas
      queue.open()
      await new Promise((resolve) => setImmediate(resolve))
      expect(endpoint.replies.deltas).toBe(deltas)
    },
  )

  test('27 at the first byte, and by closing its sending half', async () => {
    endpoint.replies.script = () => ({ endless: true })
    const first = openStream()
    first.once('data', () => first.destroy())
    const second = openStream()
    second.once('data', () => second.end())
    await expect.poll(() => endpoint.replies.requests.length, patience).toBe(2)
    await running(0)
  })

  test('while waiting for a whole answer', async () => {
    endpoint.replies.script = () => ({ queued: gate().opened })
    const controller = new AbortController()
    const waiting = fetch(`${endpoint.url}/v1/chat/completions`, {
      method: 'POST',
      headers: headers(),
      body: bodyOf(),
      signal: controller.signal,
    })
    await running(1)
    controller.abort()
    await expect(waiting).rejects.toThrow()
    await running(0)
  })

  test('two hundred at once leave nothing behind', async () => {
    endpoint.replies.script = () => ({ endless: true, paced: () => new Promise((resolve) => setTimeout(resolve, 5)) })
    const many = Array.from({ length: 200 }, () => openStream())
    await running(200)
    for (const socket of many) socket.destroy()
    await running(0)
    expect(endpoint.server.counts).toEqual({ total: 200, active: 0 })
  })
})

describe('a client that does not read (F14)', () => {
  test('makes the reply wait instead of filling memory, and is cut', async () => {
    endpoint.replies.script = () => ({ endless: true, deltas: ['x'.repeat(4000)] })
    const socket = openStream()
    socket.pause()
    await running(1)
    await running(0)
    // 4 kB each: the kernel's socket buffers, far less than the reply could have produced in that time
    expect(endpoint.replies.deltas).toBeLessThan(5000)
    expect((await ask({ max_tokens: 1 })).status).toBe(200)
  })

  test('and one that reads slowly gets everything in order', async () => {
    const deltas = Array.from({ length: 3000 }, (_, at) => `${at} ${'.'.repeat(2000)}`)
    endpoint.replies.script = () => ({ deltas })
    const response = await ask({ stream: true })
    const reader = response.body?.getReader()
    const decoder = new TextDecoder()
    let text = ''
    for (;;) {
      const part = await reader?.read()
      if (part === undefined || part.done) break
      text += decoder.decode(part.value, { stream: true })
      await new Promise((resolve) => setImmediate(resolve))
    }
    const chunks = text
      .trim()
      .split('\n\n')
      .filter((event) => event.startsWith('data: {'))
      .map((event) => JSON.parse(event.slice(6)) as { choices: { delta: { content?: string } }[] })
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(deltas.join(''))
  })
})

test('a stream that waits says so in comments, which clients pass over', async () => {
  const queue = gate()
  endpoint.replies.script = () => ({ paced: () => queue.opened })
  const socket = openStream()
  let text = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await expect.poll(() => text, patience).toContain(': keep-alive\n\n')
  queue.open()
  await expect.poll(() => text, patience).toContain('data: [DONE]')
})

test('a request that waits for its turn is answered meanwhile, and refused as an event if it comes to that', async () => {
  for (const refusal of [undefined, new SwitchboardError('engine_crashed', 'The engine stopped.')]) {
    const queue = gate()
    endpoint.replies.script = () => ({
      queued: queue.opened,
      ...(refusal === undefined ? {} : { refusalAfterQueue: refusal }),
    })
    const stream = await ask({ stream: true })
    expect([stream.status, stream.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    queue.open()
    const text = await stream.text()
    expect(text).toMatch(/^: keep-alive\n\n/)
    expect(text).toContain(refusal === undefined ? 'data: [DONE]' : '"code":"engine_crashed"')
  }
})

describe('Idempotency-Key (28)', () => {
  const key = { 'idempotency-key': 'order-17' }

  test('concurrent and later requests share one generation and its answer', async () => {
    const queue = gate()
    endpoint.replies.script = () => ({ queued: queue.opened })
    const both = [ask({}, key), ask({}, key)]
    await expect.poll(() => endpoint.server.counts.active, patience).toBe(2)
    queue.open()
    const texts = await Promise.all(both.map(async (answer) => (await answer).text()))
    expect(texts[0]).toBe(texts[1])
    expect(await (await ask({}, key)).text()).toBe(texts[0])
    expect(endpoint.replies.requests.length).toBe(1)
  })

  test('a different body is refused, and each API key has its own scope', async () => {
    await ask({}, key)
    const conflict = await ask({ max_tokens: 1 }, key)
    expect([conflict.status, ((await conflict.json()) as { error: { code: string } }).error.code]).toEqual([
      409,
      'idempotency_conflict',
    ])
    expect((await ask({ max_tokens: 1 }, { ...key, authorization: 'Bearer sb-other-key' })).status).toBe(200)
    expect(endpoint.replies.requests.length).toBe(2)
  })

  test('the generation goes on when one of two callers leaves', async () => {
    const queue = gate()
    endpoint.replies.script = () => ({ queued: queue.opened })
    const leaving = new AbortController()
    const first = fetch(`${endpoint.url}/v1/chat/completions`, {
      method: 'POST',
      headers: headers(key),
      body: bodyOf(),
      signal: leaving.signal,
    })
    await running(1)
    const second = ask({}, key)
    await expect.poll(() => endpoint.server.counts.active, patience).toBe(2)
    leaving.abort()
    await expect(first).rejects.toThrow()
    await expect.poll(() => endpoint.server.counts.active, patience).toBe(1)
    expect(endpoint.replies.running).toBe(1)
    queue.open()
    expect((await second).status).toBe(200)
  })

  test('the generation is aborted when all callers have left, and the next request starts a new one', async () => {
    const queue = gate()
    endpoint.replies.script = () => ({ queued: queue.opened })
    const leaving = new AbortController()
    const left = fetch(`${endpoint.url}/v1/chat/completions`, {
      method: 'POST',
      headers: headers(key),
      body: bodyOf(),
      signal: leaving.signal,
    })
    await running(1)
    leaving.abort()
    await expect(left).rejects.toThrow()
    await running(0)
    queue.open()
    expect((await ask({}, key)).status).toBe(200)
    expect(endpoint.replies.requests.length).toBe(2)
  })

  test('a failure is not kept', async () => {
    endpoint.replies.script = () => ({ failure: { after: 1, error: new Error('once') } })
    expect((await ask({}, key)).status).toBe(500)
    endpoint.replies.script = () => ({})
    expect((await ask({}, key)).status).toBe(200)
  })

  test('a running stream is not shared, an unusable key is refused', async () => {
    endpoint.replies.script = () => ({ endless: true, paced: () => new Promise((resolve) => setTimeout(resolve, 5)) })
    const stream = await ask({ stream: true }, key)
    expect((await ask({ stream: true }, key)).status).toBe(409)
    await stream.body?.cancel()
    expect((await ask({}, { 'idempotency-key': 'x'.repeat(300) })).status).toBe(400)
  })
})

describe('bounds', () => {
  const restart = async (limits: Parameters<typeof startFakeEndpoint>[0]) => {
    await endpoint.close()
    endpoint = await startFakeEndpoint(limits)
  }

  test('a key that has too many replies open gets 429, another key none of it', async () => {
    await restart({ limits: { repliesPerKey: 2 } })
    const queue = gate()
    endpoint.replies.script = () => ({ queued: queue.opened })
    const open = [ask(), ask()]
    await running(2)
    const third = await ask()
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '1'])
    const other = ask({}, { authorization: 'Bearer sb-other-key' })
    await running(3)
    queue.open()
    expect((await Promise.all([...open, other])).map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await ask()).status).toBe(200)
  })

  test('a reply beyond the capacity is refused before any work', async () => {
    await restart({ capacity: 2 })
    const queue = gate()
    endpoint.replies.script = () => ({ queued: queue.opened })
    const open = [ask(), ask()]
    await running(2)
    const refused = await Promise.all(Array.from({ length: 50 }, () => ask()))
    expect(refused.map((answer) => [answer.status, answer.headers.get('retry-after')])).toEqual(
      Array.from({ length: 50 }, () => [503, '1']),
    )
    expect(endpoint.replies.requests.length).toBe(2)
    queue.open()
    expect((await Promise.all(open)).map(({ status }) => status)).toEqual([200, 200])
  })

  test('a reply that takes too long ends typed', async () => {
    await restart({ limits: { replyTimeoutMs: 50 } })
    endpoint.replies.script = () => ({ endless: true, paced: () => new Promise((resolve) => setTimeout(resolve, 5)) })
    expect(await (await ask({ stream: true })).text()).toContain('"code":"deadline_exceeded"')
    expect((await ask()).status).toBe(504)
  })

  test('13 headers and bodies that never end are cut with 408', async () => {
    await restart({ limits: { headersTimeoutMs: 150, requestTimeoutMs: 250, connectionCheckMs: 30, keepAliveMs: 400 } })
    const slowHeader = sendRaw(endpoint.port, 'GET /v1/models HTTP/1.1\r\nHost: 127')
    const slowBody = sendRaw(
      endpoint.port,
      requestText(endpoint.port, 'POST', '/v1/chat/completions', {
        Authorization: `Bearer ${endpoint.key}`,
        'Content-Type': 'application/json',
        'Content-Length': '100',
      }),
    )
    const silent = sendRaw(endpoint.port, '')
    expect(
      (await Promise.all([slowHeader, slowBody])).map(({ status, body }) => [
        status,
        (JSON.parse(body) as { error: { code: string } }).error.code,
      ]),
    ).toEqual([
      [408, 'request_timeout'],
      [408, 'request_timeout'],
    ])
    // Closed without an answer: there was no request.
    expect((await silent).status).toBe(0)
    expect((await ask()).status).toBe(200)
  })

  test('a connection unused until now is answered what it asks, and its first byte starts the limit', async () => {
    await restart({ limits: { headersTimeoutMs: 150, connectionCheckMs: 30 } })
    const get = requestText(endpoint.port, 'GET', '/v1/models', { Authorization: `Bearer ${endpoint.key}` })
    const cutAfterLimit = async () => await sendRaw(endpoint.port, 'GET /v1')
    const late = async (bytes: string) =>
      await sendRaw(endpoint.port, (socket) => void cutAfterLimit().then(() => socket.write(bytes)))
    const [whole, half] = await Promise.all([late(get), late('GET /v1')])
    expect([whole.status, half.status]).toEqual([200, 408])
  })

  test('a revoked key loses its open replies at once, and the next request', async () => {
    endpoint.replies.script = () => ({ endless: true, paced: () => new Promise((resolve) => setTimeout(resolve, 5)) })
    const stream = await ask({ stream: true })
    endpoint.revoke()
    expect(await stream.text()).toMatch(/"code":"unauthorized".*\n\n$/)
    expect((await ask()).status).toBe(401)
  })
})

describe('health and readiness tell the truth', () => {
  const error = { code: 'engine_crashed', message: 'gone' } as const
  test.each([
    [readyEngine, 200, 'ok', 200],
    [{ kind: 'loading', model: 'demo' }, 200, 'loading', 503],
    [{ kind: 'preparing', model: 'demo', progress: 0.5 }, 200, 'loading', 503],
    [{ kind: 'starting', model: 'demo' }, 200, 'loading', 503],
    [{ kind: 'restarting', model: 'demo', attempt: 1, error }, 503, 'restarting', 503],
    [{ kind: 'failed', model: 'demo', error }, 503, 'failed', 503],
    [{ kind: 'off' }, 200, 'idle', 503],
  ] as const)('%o', async (state, status, text, ready) => {
    endpoint.setEngine(state)
    const health = await fetch(`${endpoint.url}/health`)
    expect([health.status, await health.json()]).toEqual([status, { status: text }])
    expect((await fetch(`${endpoint.url}/ready`, { headers: headers() })).status).toBe(ready)
  })

  test.each([
    ['provider_unavailable', 'provider_unavailable'],
    ['model_corrupt', 'engine_failed'],
  ] as const)('what %s made of the engine is told as %s', async (code, told) => {
    endpoint.setEngine({ kind: 'failed', model: 'demo', error: { code, message: 'The reason.' } })
    const ready = await fetch(`${endpoint.url}/ready`, { headers: headers() })
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { error: { code: told, message: expect.stringMatching(/^The reason\. /) as string } },
    ])
  })

  test('metrics count requests and replies and contain no names', async () => {
    await ask()
    await ask({ temperature: 9 })
    const text = await (await fetch(`${endpoint.url}/metrics`, { headers: headers() })).text()
    expect(text).toContain('switchboard_http_requests_total{route="/v1/chat/completions",status="200"} 1')
    expect(text).toContain('switchboard_http_requests_total{route="/v1/chat/completions",status="400"} 1')
    expect(text).toContain('switchboard_replies_total{api="chat",outcome="stop"} 1')
    expect(text).toContain('switchboard_tokens_total{kind="completion"} 4')
    expect(text).toContain('switchboard_engine_state{state="ready"} 1')
    expect(text).not.toMatch(/sb-|test"/)
  })

  test('the description lists every route and the schemas of both bodies', async () => {
    const document = (await (await fetch(`${endpoint.url}/openapi.json`, { headers: headers() })).json()) as {
      paths: Record<
        string,
        { post?: { requestBody: { content: { 'application/json': { schema: { properties: object } } } } } }
      >
    }
    const paths = endpoint.server.routes
      .map(({ path }) => path.replace(':id', '{id}'))
      .filter((path) => !path.startsWith('/console'))
    expect(Object.keys(document.paths).sort()).toEqual([...new Set(paths)].sort())
    expect(
      Object.keys(
        document.paths['/v1/chat/completions']?.post?.requestBody.content['application/json'].schema.properties ?? {},
      ),
    ).toEqual(
      expect.arrayContaining([
        'messages',
        'temperature',
        'logit_bias',
        'stream_options',
        'response_format',
        'tools',
        'tool_choice',
      ]),
    )
  })
})

describe('closing (F20)', () => {
  test('open replies finish, new ones are refused', async () => {
    const queue = gate()
    endpoint.replies.script = () => ({ paced: () => queue.opened })
    const stream = await ask({ stream: true })
    const closing = endpoint.server.close(60_000)
    const late = await ask()
    expect([late.status, late.headers.get('retry-after')]).toEqual([503, '5'])
    expect((await fetch(`${endpoint.url}/health`)).status).toBe(503)
    queue.open()
    expect(await stream.text()).toContain('data: [DONE]')
    await closing
    await expect(fetch(`${endpoint.url}/health`)).rejects.toThrow()
  })

  test('what does not finish in time ends typed, and so it does at a second call', async () => {
    endpoint.replies.script = () => ({ endless: true, paced: () => new Promise((resolve) => setTimeout(resolve, 5)) })
    const streams = await Promise.all(Array.from({ length: 20 }, () => ask({ stream: true })))
    const closing = endpoint.server.close(60_000)
    const hurried = endpoint.server.close(0)
    for (const stream of streams) expect(await stream.text()).toContain('"code":"draining"')
    await Promise.all([closing, hurried])
    expect(endpoint.replies.running).toBe(0)
  })

  test('a port that is taken is said so', async () => {
    await expect(startFakeEndpoint({ port: endpoint.port })).rejects.toMatchObject({
      code: 'port_in_use',
      details: { port: endpoint.port },
    })
  })
})
