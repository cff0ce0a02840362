import { beforeEach, describe, expect, test } from 'vitest'
import type { ConsoleClient } from '../../../shared/contracts/console-bridge.ts'
import type { Change } from '../../../shared/domain/change.ts'
import type { Job } from '../../../shared/domain/job.ts'
import { ask, refused, Turn, Watch, type ConsoleSubject } from './console-subject.ts'

export function dataRules(subject: () => ConsoleSubject): void {
  const console = (): ConsoleClient => subject().console

  describe('keys', () => {
    test('are listed newest first, with the beginning of their secret', async () => {
      const { keys } = console()
      const first = await keys.create({ name: 'web' })
      const second = await keys.create({ name: 'desk', assistantId: 'web-shop' })
      expect(first.key).toMatchObject({ name: 'web', lastUsedAt: null, revokedAt: null, assistantId: null })
      expect(second.key).toMatchObject({ name: 'desk', assistantId: 'web-shop' })
      expect(first.secret.startsWith(first.key.prefix)).toBe(true)
      expect(first.secret.length).toBeGreaterThan(first.key.prefix.length)
      expect((await keys.list()).slice(0, 2)).toEqual([second.key, first.key])
    })

    test('have names of their own while they are valid', async () => {
      const { keys } = console()
      const { key } = await keys.create({ name: 'web' })
      await refused(keys.create({ name: 'web' }), 'name_taken')
      for (const name of ['shop/till', ' web', 'tab\tbed']) await refused(keys.create({ name }), 'invalid_name')
      expect((await keys.create({ name: '网店 收银台 2' })).key.name).toBe('网店 收银台 2')
      const { revokedAt, ...rest } = await keys.revoke({ id: key.id })
      expect(revokedAt).toBeTypeOf('number')
      expect({ ...rest, revokedAt: null }).toEqual(key)
      expect(await keys.revoke({ id: key.id })).toMatchObject({ revokedAt })
      const { key: second } = await keys.create({ name: 'web' })
      expect((await keys.list()).filter(({ name }) => name === 'web').map(({ id }) => id)).toEqual([second.id, key.id])
      await refused(keys.revoke({ id: 'nothing' }), 'key_not_found')
    })

    test('are bound to an assistant that exists, and freed', async () => {
      const { keys } = console()
      const { key } = await keys.create({ name: 'web' })
      expect(await keys.bind({ id: key.id, assistantId: 'plain' })).toEqual({ ...key, assistantId: 'plain' })
      await refused(keys.bind({ id: key.id, assistantId: 'nobody' }), 'assistant_not_found')
      await refused(keys.create({ name: 'other', assistantId: 'nobody' }), 'assistant_not_found')
      await refused(keys.bind({ id: 'nothing', assistantId: null }), 'key_not_found')
      expect(await keys.bind({ id: key.id, assistantId: null })).toEqual(key)
    })
  })

  describe('settings', () => {
    test('an update changes what it names; the defaults stay', async () => {
      const { settings } = console()
      const { settings: before, defaults } = await settings.get()
      expect(before).toEqual(defaults)
      const after = await settings.update({ slots: 3, theme: 'dark' })
      expect(after).toEqual({ ...defaults, slots: 3, theme: 'dark' })
      expect(await settings.update({ language: 'zh-CN' })).toEqual({ ...after, language: 'zh-CN' })
      expect(await settings.get()).toEqual({ settings: { ...after, language: 'zh-CN' }, defaults })
    })

    test('the default assistant is the one of new conversations', async () => {
      await console().settings.update({ defaultAssistantId: 'plain' })
      expect(await console().conversations.create({})).toMatchObject({ assistantId: 'plain' })
    })
  })

  describe('jobs', () => {
    const watchJobs = (): Promise<Watch<readonly Job[]>> => Watch.open((options) => console().jobs.watch({}, options))
    const kinds = (jobs: readonly Job[] | undefined): readonly string[] | undefined =>
      jobs?.map(({ state }) => state.kind)

    test('are told at once, newest first, and after each change', async () => {
      const early = await watchJobs()
      await early.until((values) => values.length > 0)
      expect(early.values[0]).toEqual([])
      const older = await subject().startJob()
      const newer = await subject().startJob()
      await early.until((values) => values.at(-1)?.length === 2)
      const late = await watchJobs()
      await late.until((values) => values.length > 0)
      expect(late.values[0]?.map(({ id, state }) => [id, state.kind])).toEqual([
        [newer, 'running'],
        [older, 'running'],
      ])
      await console().jobs.cancel({ id: older })
      await early.until((values) => kinds(values.at(-1))?.includes('cancelled') === true)
      expect(kinds(early.values.at(-1))).toEqual(['running', 'cancelled'])
      await Promise.all([early.leave(), late.leave()])
    })

    test('can be dismissed once they ended, and started again', async () => {
      const { jobs } = console()
      const watch = await watchJobs()
      const id = await subject().startJob()
      await refused(jobs.dismiss({ id }), 'invalid_request')
      await refused(jobs.resume({ id }), 'invalid_request')
      await jobs.cancel({ id })
      await watch.until((values) => kinds(values.at(-1))?.[0] === 'cancelled')
      // Stopping what has ended changes nothing.
      await jobs.cancel({ id })
      expect(await jobs.resume({ id })).toMatchObject({
        id,
        state: { kind: 'running', fraction: 0 },
        cancelling: false,
      })
      await watch.until((values) => kinds(values.at(-1))?.[0] === 'running')
      await jobs.cancel({ id })
      await watch.until((values) => kinds(values.at(-1))?.[0] === 'cancelled')
      await jobs.dismiss({ id })
      await watch.until((values) => values.at(-1)?.length === 0)
      await watch.leave()
    })

    test('an unknown one is refused', async () => {
      const { jobs } = console()
      const id = 'nothing'
      const calls: readonly Promise<unknown>[] = [jobs.cancel({ id }), jobs.resume({ id }), jobs.dismiss({ id })]
      await Promise.all(calls.map((call) => refused(call, 'job_not_found')))
    })
  })

  describe('changes', () => {
    let changes: AsyncIterator<Change>
    let conversationId: string
    const abort = { current: new AbortController() }

    beforeEach(async () => {
      conversationId = (await console().conversations.create({})).id
      abort.current = new AbortController()
      changes = (await console().changes.watch({}, { signal: abort.current.signal }))[Symbol.asyncIterator]()
    })

    /** Does the work and returns what was announced, the next change of the settings excepted, which marks its end. */
    const during = async (work: () => Promise<unknown>): Promise<readonly Change[]> => {
      const seen: Change[] = []
      const reading = (async () => {
        for (;;) {
          const { value } = await changes.next()
          if (value.kind === 'settings') return
          if (!seen.some((change) => JSON.stringify(change) === JSON.stringify(value))) seen.push(value)
        }
      })()
      await work()
      await console().settings.update({ welcomed: true })
      await reading
      return seen
    }

    test('name what each call changed, and reading announces nothing', async () => {
      const { conversations, assistants, keys } = console()
      const conversation = { kind: 'conversations', id: conversationId }
      expect(
        await during(async () => {
          await conversations.list({})
          await conversations.get({ id: conversationId })
          await assistants.list()
          await keys.list()
          await console().settings.get()
        }),
      ).toEqual([])
      let created = ''
      expect(await during(async () => (created = (await conversations.create({})).id))).toEqual([
        { kind: 'conversations', id: created },
      ])
      expect(await during(() => conversations.update({ id: conversationId, title: 'A' }))).toEqual([conversation])
      expect(await during(() => ask(console(), { conversationId, text: 'Hello' }))).toEqual([conversation])
      const { messages } = await conversations.get({ id: conversationId })
      const messageId = messages[0]?.id ?? ''
      expect(await during(() => conversations.showBranch({ id: conversationId, messageId }))).toEqual([conversation])
      expect(await during(() => conversations.remove({ id: conversationId }))).toEqual([conversation])
      expect(await during(() => conversations.restore({ id: conversationId }))).toEqual([conversation])

      const ofAssistants = [{ kind: 'assistants' }]
      const id = 'web-shop'
      expect(await during(() => assistants.update({ id, systemPrompt: 'New.' }))).toEqual(ofAssistants)
      expect(await during(() => assistants.publish({ id }))).toEqual(ofAssistants)
      expect(await during(() => assistants.unpublish({ id }))).toEqual(ofAssistants)
      expect(await during(() => assistants.duplicate({ id, name: 'Copy' }))).toEqual(ofAssistants)
      expect(await during(() => assistants.remove({ id }))).toEqual(ofAssistants)
      expect(await during(() => assistants.restore({ id }))).toEqual(ofAssistants)

      const ofKeys = [{ kind: 'keys' }]
      let key = ''
      expect(await during(async () => (key = (await keys.create({ name: 'web' })).key.id))).toEqual(ofKeys)
      expect(await during(() => keys.bind({ id: key, assistantId: 'plain' }))).toEqual(ofKeys)
      expect(await during(() => keys.revoke({ id: key }))).toEqual(ofKeys)

      const ofJobs = [{ kind: 'jobs' }]
      let job = ''
      expect(await during(async () => (job = await subject().startJob()))).toEqual(ofJobs)
      expect(await during(() => console().jobs.cancel({ id: job }))).toEqual(ofJobs)
    })

    test('the pieces of a reply are not announced', async () => {
      const turn = await Turn.open(console().chat.send({ conversationId, text: 'Hello' }))
      const conversation = { kind: 'conversations', id: conversationId }
      expect(await during(() => turn.next('started'))).toEqual([conversation])
      expect(await during(() => turn.next('delta'))).toEqual([])
      expect(await during(() => turn.rest())).toEqual([conversation])
    })

    test('those that a reader did not take yet are merged', async () => {
      const { conversations, keys } = console()
      const first = changes.next()
      await conversations.update({ id: conversationId, title: 'A' })
      expect(await first).toMatchObject({ value: { kind: 'conversations', id: conversationId } })
      await conversations.update({ id: conversationId, title: 'B' })
      await keys.create({ name: 'one' })
      await conversations.update({ id: conversationId, title: 'C' })
      await keys.create({ name: 'two' })
      await console().settings.update({ welcomed: true })
      const seen: unknown[] = []
      for (let index = 0; index < 3; index += 1) seen.push((await changes.next()).value)
      expect(seen).toEqual([{ kind: 'conversations', id: conversationId }, { kind: 'keys' }, { kind: 'settings' }])
    })

    test('a reader that falls far behind is told to look at everything', async () => {
      const { conversations } = console()
      const first = changes.next()
      for (let index = 0; index < 60; index += 1) await conversations.create({})
      await first
      const rest: Change[] = []
      const reading = (async () => {
        for (;;) {
          const { value } = await changes.next()
          if (value.kind === 'keys') return
          rest.push(value)
        }
      })()
      await console().keys.create({ name: 'last' })
      await reading
      expect(rest).toContainEqual({ kind: 'everything' })
      expect(rest.length).toBeLessThan(20)
    })

    test('end when their reader leaves', async () => {
      const next = changes.next()
      abort.current.abort()
      expect(await next).toMatchObject({ done: true })
    })
  })
}
