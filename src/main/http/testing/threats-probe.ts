import { request as httpRequest, Agent } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Endpoint } from './endpoint.ts'
import { type RawAnswer, requestText, sendRaw } from './raw-http.ts'

/** Part of every prompt; no error may repeat it. */
export const secretText = 'customer-text-7f3a'

interface Expected {
  readonly status: number | readonly number[]
  readonly code?: string
  readonly param?: string
}

/**
 * Sends good and bad requests to one endpoint that is shared by the tests of a file.
 */
export function threatsProbe(start: () => Promise<Endpoint>) {
  let endpoint: Endpoint
  const agent = new Agent({ keepAlive: true })
  beforeAll(async () => {
    endpoint = await start()
  })
  afterAll(async () => {
    agent.destroy()
    await endpoint.close()
  })

  const messages = [{ role: 'user', content: secretText }]
  const good = () => ({ model: endpoint.model, messages, max_tokens: 2 })

  const post = (
    body: string | Buffer | object,
    headers: Record<string, string | null> = {},
    path = '/v1/chat/completions',
  ): Promise<RawAnswer> =>
    new Promise((resolve, reject) => {
      const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
      const all = Object.entries({
        'content-type': 'application/json',
        authorization: `Bearer ${endpoint.key}`,
        'content-length': String(Buffer.byteLength(bytes)),
        ...headers,
      })
      const sent = httpRequest(
        {
          agent,
          host: '127.0.0.1',
          port: endpoint.port,
          method: 'POST',
          path,
          headers: Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null)),
        },
        (response) => {
          let text = ''
          response
            .setEncoding('utf8')
            .on('data', (chunk: string) => (text += chunk))
            .on('end', () =>
              resolve({
                status: response.statusCode ?? 0,
                headers: Object.fromEntries(
                  Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
                ),
                body: text,
              }),
            )
        },
      )
      sent.on('error', reject)
      sent.end(bytes)
    })

  const goodPasses = async () => expect((await post(good())).status).toBe(200)
  const raw = (method: string, target: string, headers: Record<string, string | null> = {}, body = '') =>
    sendRaw(
      endpoint.port,
      requestText(endpoint.port, method, target, { Authorization: `Bearer ${endpoint.key}`, ...headers }, body),
    )

  /** Expects an error that leaks nothing, the same one a hundred times, and a good request after it to succeed. */
  const refused = (name: string, send: () => Promise<RawAnswer>, expected: Expected, times = 100) =>
    test(name, async () => {
      const first = await send()
      expectRefusal(first, expected)
      for (let count = 1; count < times; count++) expect((await send()).status).toBe(first.status)
      await goodPasses()
    })

  const expectRefusal = (answer: RawAnswer, { status, code, param }: Expected) => {
    expect([status].flat(), answer.body).toContain(answer.status)
    const body = JSON.parse(answer.body) as { error: Record<string, unknown> }
    expect(Object.keys(body)).toEqual(['error'])
    expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'type'])
    if (code !== undefined) expect(body.error['code']).toBe(code)
    if (param !== undefined) expect(body.error['param']).toBe(param)
    expect(answer.body).not.toMatch(/node_modules|\.ts\b|\bat .*:\d+|\/src\//)
    expect(answer.body).not.toContain(secretText)
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  }
  return { endpoint: () => endpoint, messages, good, post, goodPasses, raw, refused, expectRefusal }
}
