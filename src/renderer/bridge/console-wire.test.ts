import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/message-port'
import { implement, ORPCError } from '@orpc/server'
import { RPCHandler } from '@orpc/server/message-port'
import { expect, test } from 'vitest'
import type { ConsoleClient, ConsolePipe } from '../../shared/contracts/console-bridge.ts'
import { consoleContract } from '../../shared/contracts/console.ts'
import { FakeConsole } from '../../shared/contracts/console.fake.ts'
import type { TurnEvent } from '../../shared/domain/conversation.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { portOfPipe } from './pipe-port.ts'
import { revivingLink } from './reviving-link.ts'

const asWireError = (thrown: unknown): unknown =>
  thrown instanceof SwitchboardError ? new ORPCError('SWITCHBOARD', { data: serialise(thrown) }) : thrown

/** The desktop door with the fake console behind it: strings through a pipe, as preload carries them. */
function desktopDoor() {
  const fake = new FakeConsole({ reply: () => 'One two three' })
  const os = implement(consoleContract)
  let left = 0
  const guarded = os.use(async ({ next }) => {
    try {
      return await next()
    } catch (thrown) {
      throw asWireError(thrown)
    }
  })
  const router = {
    conversations: {
      list: guarded.conversations.list.handler(({ input }) => fake.conversations.list(input)),
      get: guarded.conversations.get.handler(({ input }) => fake.conversations.get(input)),
    },
    chat: {
      watch: guarded.chat.watch.handler(async function* ({ input, signal }) {
        try {
          yield* await fake.chat.watch(input, signal && { signal })
        } finally {
          left += 1
        }
      }),
      send: guarded.chat.send.handler(async function* ({ input }) {
        try {
          for await (const event of await fake.chat.send(input)) {
            yield event
            if (event.kind === 'delta' && input.text === 'break')
              throw asWireError(new SwitchboardError('engine_crashed', 'The engine is gone.', { retryAfterSeconds: 2 }))
          }
        } finally {
          left += 1
        }
      }),
    },
  }
  const up = new Set<(event?: { data: unknown }) => void>()
  const down = new Set<(message: string) => void>()
  new RPCHandler(router).upgrade({
    on: (event: string, callback: (event?: { data: unknown }) => void) =>
      void (event === 'message' && up.add(callback)),
    postMessage: (data: unknown) => down.forEach((listener) => listener(String(data))),
  })
  const pipe: ConsolePipe = {
    send: (message) => up.forEach((listener) => listener({ data: message })),
    listen: (listener) => {
      down.add(listener)
      return () => void down.delete(listener)
    },
  }
  const link = new RPCLink({ port: portOfPipe(pipe) })
  const client: ConsoleClient = createORPCClient(revivingLink(() => link))
  return { client, left: () => left }
}

test('calls and streams cross the pipe as strings', async () => {
  const { client } = desktopDoor()
  const { items } = await client.conversations.list({ search: '4417223' })
  expect(items.map(({ id }) => id)).toEqual(['c-chinese'])
  const kinds: TurnEvent['kind'][] = []
  for await (const event of await client.chat.send({ conversationId: 'c-order', text: 'Hi' })) kinds.push(event.kind)
  expect(kinds).toEqual(['started', 'delta', 'delta', 'delta', 'ended'])
})

test('a refused call and a broken stream arrive as errors of the catalogue', async () => {
  const { client } = desktopDoor()
  await expect(client.conversations.get({ id: 'nothing' })).rejects.toMatchObject({
    name: 'SwitchboardError',
    code: 'conversation_not_found',
  })
  await expect(client.conversations.get({ id: 'not an id' })).rejects.toMatchObject({
    name: 'SwitchboardError',
    code: 'invalid_request',
  })
  const stream = await client.chat.send({ conversationId: 'c-order', text: 'break' })
  const read = async (): Promise<void> => {
    for await (const event of stream) expect(event.kind).not.toBe('ended')
  }
  await expect(read()).rejects.toMatchObject({ name: 'SwitchboardError', code: 'engine_crashed', retryAfterSeconds: 2 })
})

test('leaving a stream ends it on the other side', async () => {
  const { client, left } = desktopDoor()
  for await (const event of await client.chat.send({ conversationId: 'c-order', text: 'Hi' }))
    if (event.kind === 'delta') break
  await expect.poll(left).toBe(1)
})

test('aborting a stream that waits for its next event ends it on both sides', async () => {
  const { client, left } = desktopDoor()
  const leaving = new AbortController()
  const stream = await client.chat.watch({ conversationId: 'c-order', windowId: 'w' }, { signal: leaving.signal })
  const read = async (): Promise<string> => {
    try {
      for await (const event of stream) return event.kind
      return 'ended'
    } catch {
      return 'aborted'
    }
  }
  const reading = read()
  leaving.abort()
  expect(['ended', 'aborted']).toContain(await reading)
  await expect.poll(left).toBe(1)
})
