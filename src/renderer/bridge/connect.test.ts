import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { connectConsole } from './connect.ts'

/** A socket whose handshake ends as the test says. */
class TestSocket {
  static readonly opened: TestSocket[] = []
  readonly protocols: readonly string[]
  readonly #listeners = new Map<string, () => void>()

  constructor(_address: string, protocols: readonly string[]) {
    // As a browser does: a subprotocol is a token of HTTP.
    if (protocols.some((name) => /[^\w.~-]/.test(name))) throw new SyntaxError('not a subprotocol')
    this.protocols = protocols
    TestSocket.opened.push(this)
  }

  addEventListener(name: string, listener: () => void): void {
    this.#listeners.set(name, listener)
  }

  end(): void {
    this.#listeners.get('close')?.()
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('WebSocket', TestSocket)
  TestSocket.opened.length = 0
})

afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

/** A page that was opened with a key; `answer` is what the program says when the key is tried over HTTP. */
function pageUnderTest(answer: () => Response, key = 's3cret') {
  const page = {
    location: { protocol: 'http:', host: '127.0.0.1:4317', hash: `#key=${key}`, pathname: '/console/', search: '' },
    history: { replaceState: () => undefined },
    sessionStorage: { getItem: () => key, setItem: () => undefined },
    setTimeout,
    clearTimeout,
    addEventListener: () => undefined,
    fetch: vi.fn(async (_path: string, _options: RequestInit) => answer()),
  }
  const connection = connectConsole(page as unknown as Window)
  /** The newest handshake is refused. */
  const refuse = async (): Promise<void> => {
    TestSocket.opened.at(-1)?.end()
    await vi.advanceTimersByTimeAsync(0)
  }
  const next = (): Promise<unknown> => vi.advanceTimersByTimeAsync(10_000)
  return { connection, page, refuse, next }
}

const refusal = (status: number, code: string) => () => new Response(JSON.stringify({ error: { code } }), { status })
const ready = () => new Response('{"status":"ready"}')

test('a key the program does not take is refused, and nothing is tried again', async () => {
  const { connection, page, refuse, next } = pageUnderTest(refusal(401, 'unauthorized'))
  await refuse()
  expect(connection.state()).toEqual({ kind: 'refused' })
  expect(page.fetch.mock.calls[0]?.[1].headers).toEqual({ authorization: 'Bearer s3cret' })
  await next()
  expect(TestSocket.opened.length).toBe(1)
})

test.each([
  ['too many windows', ready, 'crowded'],
  ['too many windows, while the model loads', refusal(503, 'loading'), 'crowded'],
  ['a program that is closing', refusal(503, 'draining'), 'closing'],
  [
    'nothing at all',
    () => {
      throw new TypeError('Failed to fetch')
    },
    'unreachable',
  ],
] as const)('%s is the reason shown, and the connection is tried again', async (_name, answer, reason) => {
  const { connection, refuse, next } = pageUnderTest(answer)
  await refuse()
  await next()
  await refuse()
  expect(connection.state()).toMatchObject({ kind: 'lost', reason, attempt: 2 })
  await next()
  expect(TestSocket.opened.length).toBe(3)
})

test('a program that came up between the handshake and the question is not called crowded', async () => {
  const { connection, refuse } = pageUnderTest(ready)
  await refuse()
  expect(connection.state()).toMatchObject({ kind: 'lost', reason: 'unreachable', attempt: 1 })
})

test('a text that cannot be a key is refused at once', () => {
  const { connection } = pageUnderTest(ready, 'http://127.0.0.1:4317/console/')
  expect([connection.state(), TestSocket.opened.length]).toEqual([{ kind: 'refused' }, 0])
})
