import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FakeConsole } from '../../shared/contracts/console.fake.ts'
import { Authentication } from './authentication.ts'
import { type FakeEndpoint, startFakeEndpoint } from './testing/endpoint.ts'
import { handlersOf } from './testing/fake-handlers.ts'
import { requestText, sendRaw } from './testing/raw-http.ts'

let endpoint: FakeEndpoint
beforeAll(async () => {
  endpoint = await startFakeEndpoint({
    handlers: handlersOf(new FakeConsole()),
    limits: { wrongKeysPerMinute: 100_000 },
  })
})
afterAll(async () => {
  await endpoint.close()
})

/** All routes that need no key. A new route must be added here deliberately. */
const open = ['GET /console', 'GET /console/*', 'GET /health', 'HEAD /console', 'HEAD /console/*', 'HEAD /health']

/** Where a client may put a key. Only the first is valid. */
const places: readonly [
  string,
  (secret: string) => { readonly headers: Record<string, string>; readonly query: string },
][] = [
  ['Authorization: Bearer', (secret) => ({ headers: { Authorization: `Bearer ${secret}` }, query: '' })],
  [
    'Authorization: Basic',
    (secret) => ({ headers: { Authorization: `Basic ${Buffer.from(`:${secret}`).toString('base64')}` }, query: '' }),
  ],
  ['x-api-key', (secret) => ({ headers: { 'x-api-key': secret }, query: '' })],
  ['api-key', (secret) => ({ headers: { 'api-key': secret }, query: '' })],
  ['cookie', (secret) => ({ headers: { Cookie: `key=${secret}; token=${secret}; session=${secret}` }, query: '' })],
  ['proxy-authorization', (secret) => ({ headers: { 'Proxy-Authorization': `Bearer ${secret}` }, query: '' })],
  ['query', (secret) => ({ headers: {}, query: `?key=${secret}&api_key=${secret}&access_token=${secret}` })],
]

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE']

async function statusOf(method: string, path: string, headers: Record<string, string>): Promise<number> {
  return (
    await sendRaw(
      endpoint.port,
      requestText(endpoint.port, method, path, { 'Content-Type': 'application/json', ...headers }),
    )
  ).status
}

describe('every route needs a key but those on the list', () => {
  test('the list is what the router says is open', async () => {
    const answered: string[] = []
    for (const { method, path } of endpoint.server.routes) {
      if ((await statusOf(method, path.replace('*', '').replace(':id', 'demo'), {})) !== 401)
        answered.push(`${method} ${path}`)
    }
    expect(answered.sort()).toEqual(open)
  })

  test.each(places)('in %s', async (place, put) => {
    const paths = endpoint.server.routes
      .filter(({ method, path }) => !open.includes(`${method} ${path}`))
      .map(({ path }) => path.replace(':id', 'demo'))
    for (const path of new Set([...paths, '/nowhere', '/v1', '/v1/keys', '/admin', '/docs', '/'])) {
      const secrets = [
        '',
        'sb-wrong',
        endpoint.revokedKey,
        `${endpoint.key}x`,
        endpoint.key.slice(0, -1),
        endpoint.key.toUpperCase(),
        ...(place === 'Authorization: Bearer' ? [] : [endpoint.key]),
      ]
      for (const secret of secrets) {
        const { headers, query } = put(secret)
        for (const method of methods)
          expect(
            await statusOf(method, path + query, headers),
            `${method} ${path} with ${JSON.stringify(headers)}`,
          ).toBe(401)
      }
    }
  })

  test('a right key beside wrong ones elsewhere counts, and a wrong one is not mended by right ones elsewhere', async () => {
    const bearer = { Authorization: `Bearer ${endpoint.key}` }
    expect(await statusOf('GET', '/v1/models?key=wrong', { ...bearer, 'x-api-key': 'wrong' })).toBe(200)
    expect(
      await statusOf('GET', `/v1/models?key=${endpoint.key}`, {
        Authorization: 'Bearer wrong',
        'x-api-key': endpoint.key,
      }),
    ).toBe(401)
  })
})

test('29 many wrong keys are answered 429 with Retry-After, and the rightful owner is not locked out', async () => {
  const strict = await startFakeEndpoint({ limits: { wrongKeysPerMinute: 20 } })
  const ask = (key: string) => fetch(`${strict.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })
  const answers = await Promise.all(Array.from({ length: 1000 }, (_, at) => ask(`sb-guess-${at}`)))
  const limited = answers.filter(({ status }) => status === 429)
  expect([answers.filter(({ status }) => status === 401).length, limited.length]).toEqual([20, 980])
  expect(Number(limited[0]?.headers.get('retry-after'))).toBeGreaterThan(0)
  await Promise.all(answers.map((answer) => answer.text()))
  expect((await ask(strict.key)).status).toBe(200)
  await strict.close()
})

test('a request without a key is not a guess and is not counted', async () => {
  const authentication = new Authentication({ authenticate: async () => null }, null, 1)
  const resolve = async (authorization: string | undefined): Promise<string> => {
    try {
      await authentication.resolve({ headers: { authorization }, socket: { remoteAddress: '127.0.0.1' } } as never)
      return 'resolved'
    } catch (thrown) {
      return (thrown as { code: string }).code
    }
  }
  expect(await Promise.all([undefined, '', 'Bearer', 'Bearer ', 'Basic x'].map(resolve))).toEqual(
    Array(5).fill('unauthorized'),
  )
  expect(await Promise.all(['Bearer a', 'Bearer b', 'bearer c'].map(resolve))).toEqual([
    'unauthorized',
    'rate_limited',
    'rate_limited',
  ])
})

describe('pages of other sites reach nothing (T2)', () => {
  test('no route answers them, whatever they send, and nothing is run', async () => {
    const before = endpoint.replies.requests.length
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'x' }] })
    for (const { method, path } of endpoint.server.routes) {
      for (const extra of [
        { Origin: 'https://evil.example' },
        { Origin: 'null' },
        { 'Sec-Fetch-Site': 'cross-site' },
        { Origin: 'http://localhost:1', 'Sec-Fetch-Site': 'same-site' },
      ]) {
        for (const type of ['application/json', 'text/plain']) {
          const text = requestText(
            endpoint.port,
            method,
            path.replace('*', '').replace(':id', 'demo'),
            { Authorization: `Bearer ${endpoint.key}`, 'Content-Type': type, ...extra },
            method === 'POST' ? body : '',
          )
          const answer = await sendRaw(endpoint.port, text)
          expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([403, undefined])
        }
      }
    }
    expect(endpoint.replies.requests.length).toBe(before)
  })
})
