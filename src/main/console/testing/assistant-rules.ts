import { describe, expect, test } from 'vitest'
import type { ConsoleClient } from '../../../shared/contracts/console-bridge.ts'
import type { Assistant, AssistantValues } from '../../../shared/domain/assistant.ts'
import { refused } from './console-subject.ts'

const tea: AssistantValues = {
  name: 'Tea Shop',
  model: 'demo',
  systemPrompt: 'You sell tea.',
  parameters: { temperature: 0.3, maxTokens: 64 },
}
const parameters = { temperature: 0.5 }

export function assistantRules(console: () => ConsoleClient): void {
  const assistants = (): ConsoleClient['assistants'] => console().assistants
  const find = async (wanted: string): Promise<Assistant | undefined> =>
    (await assistants().list()).find(({ id }) => id === wanted)
  const prompts = async (id: string): Promise<readonly unknown[]> =>
    (await assistants().versions({ id })).map(({ version, systemPrompt, published }) => [
      version,
      systemPrompt,
      published,
    ])

  describe('assistants', () => {
    test('are created as an unpublished first version, the built-in ones listed first', async () => {
      const created = await assistants().create(tea)
      expect(created).toMatchObject({ ...tea, version: 1, publishedVersion: null, builtIn: false })
      await assistants().create({ ...tea, name: 'apples' })
      const listed = await assistants().list()
      expect(listed.find(({ id }) => id === created.id)).toEqual(created)
      const own = listed.filter(({ builtIn }) => !builtIn).map(({ name }) => name)
      expect(own.filter((name) => ['apples', 'Tea Shop'].includes(name))).toEqual(['apples', 'Tea Shop'])
      expect(listed.map(({ builtIn }) => builtIn).lastIndexOf(true)).toBe(listed.length - own.length - 1)
    })

    test('have names that no other one is called by, whatever the case and the blanks', async () => {
      const { id } = await assistants().create(tea)
      const { id: other } = await assistants().create({ ...tea, name: 'Coffee' })
      const taken: readonly Promise<unknown>[] = [
        assistants().create(tea),
        assistants().create({ ...tea, name: 'tea  SHOP' }),
        assistants().create({ ...tea, name: 'tea-shop' }),
        assistants().update({ id: other, name: 'TEA shop' }),
        assistants().duplicate({ id: other, name: 'Tea-Shop' }),
      ]
      await Promise.all(taken.map((call) => refused(call, 'name_taken')))
      expect(await assistants().update({ id, name: 'TEA SHOP' })).toMatchObject({ id, name: 'TEA SHOP' })
      expect(await find(other)).toMatchObject({ name: 'Coffee' })
    })

    test('an edit amends a draft, and makes a new version of what was published', async () => {
      const { id } = await assistants().create(tea)
      expect(await assistants().update({ id, systemPrompt: 'Draft.' })).toMatchObject({
        ...tea,
        systemPrompt: 'Draft.',
        version: 1,
      })
      expect(await assistants().publish({ id })).toMatchObject({ version: 1, publishedVersion: 1 })
      expect(await assistants().update({ id, systemPrompt: 'Second.' })).toMatchObject({
        version: 2,
        publishedVersion: 1,
      })
      expect(await assistants().update({ id, parameters })).toMatchObject({ version: 2, parameters })
      expect(await prompts(id)).toEqual([
        [2, 'Second.', false],
        [1, 'Draft.', true],
      ])
      expect(await assistants().publish({ id })).toMatchObject({ version: 2, publishedVersion: 2 })
      expect(await assistants().unpublish({ id })).toMatchObject({ version: 2, publishedVersion: null })
      // What was published once stays as it was.
      expect(await assistants().update({ id, systemPrompt: 'Third.' })).toMatchObject({ version: 3 })
      expect(await prompts(id)).toEqual([
        [3, 'Third.', false],
        [2, 'Second.', true],
        [1, 'Draft.', true],
      ])
    })

    test('an edit that changes nothing makes no version, and a name belongs to all of them', async () => {
      const { id } = await assistants().create(tea)
      await assistants().publish({ id })
      expect(await assistants().update({ id, systemPrompt: tea.systemPrompt })).toMatchObject({ version: 1 })
      await assistants().update({ id, systemPrompt: 'Second.' })
      expect(await assistants().update({ id, name: 'Tea House' })).toMatchObject({ name: 'Tea House', version: 2 })
      expect((await assistants().versions({ id })).map(({ name }) => name)).toEqual(['Tea House', 'Tea House'])
    })

    test('taking a version back makes a new one of its values; a draft stays in the list', async () => {
      const { id } = await assistants().create(tea)
      await assistants().publish({ id })
      await assistants().update({ id, name: 'Tea House', systemPrompt: 'Draft.', parameters })
      expect(await assistants().takeBack({ id, version: 1 })).toMatchObject({
        ...tea,
        name: 'Tea House',
        version: 3,
        publishedVersion: 1,
      })
      expect(await prompts(id)).toEqual([
        [3, tea.systemPrompt, false],
        [2, 'Draft.', false],
        [1, tea.systemPrompt, true],
      ])
      expect(await assistants().takeBack({ id, version: 1 })).toMatchObject({ version: 3 })
      await refused(assistants().takeBack({ id, version: 9 }), 'assistant_not_found')
    })

    test('a duplicate has the latest values and its own versions', async () => {
      const { id } = await assistants().create(tea)
      await assistants().publish({ id })
      await assistants().update({ id, systemPrompt: 'Second.' })
      const copy = await assistants().duplicate({ id, name: 'Tea Shop, Sunday' })
      expect(copy).toMatchObject({
        ...tea,
        name: 'Tea Shop, Sunday',
        systemPrompt: 'Second.',
        version: 1,
        publishedVersion: null,
        builtIn: false,
      })
      expect(copy.id).not.toBe(id)
    })

    test('an exported file is imported as it was; a name that is taken gets a number', async () => {
      const { id } = await assistants().create(tea)
      const file = await assistants().export({ id })
      expect(file).toEqual({ format: 'switchboard.assistant', formatVersion: 1, ...tea })
      expect(await assistants().import(file)).toMatchObject({ ...tea, name: 'Tea Shop 2', version: 1 })
      expect(await assistants().import({ ...file, name: 'tea shop' })).toMatchObject({ name: 'tea shop 3' })
      await assistants().remove({ id })
      expect(await assistants().import(file)).toMatchObject(tea)
      expect(await find(id)).toBeUndefined()

      const name = 'n'.repeat(80)
      await assistants().import({ ...file, name })
      expect(await assistants().import({ ...file, name })).toMatchObject({ name: `${'n'.repeat(78)} 2` })
    })

    test('a removed one is gone until it is restored, its versions with it', async () => {
      const { id } = await assistants().create(tea)
      await assistants().publish({ id })
      const before = await assistants().update({ id, systemPrompt: 'Second.' })
      await assistants().remove({ id })
      expect(await find(id)).toBeUndefined()
      const calls: readonly Promise<unknown>[] = [
        assistants().update({ id, systemPrompt: 'Third.' }),
        assistants().duplicate({ id, name: 'Copy' }),
        assistants().publish({ id }),
        assistants().unpublish({ id }),
        assistants().versions({ id }),
        assistants().takeBack({ id, version: 1 }),
        assistants().export({ id }),
        assistants().remove({ id }),
        assistants().restore({ id: 'never-was' }),
      ]
      await Promise.all(calls.map((call) => refused(call, 'assistant_not_found')))
      expect(await assistants().restore({ id })).toEqual(before)
      expect(await prompts(id)).toHaveLength(2)
    })

    test('one whose name was taken meanwhile is not restored', async () => {
      const { id } = await assistants().create(tea)
      await assistants().remove({ id })
      const { id: other } = await assistants().create({ ...tea, name: 'tea shop' })
      await refused(assistants().restore({ id }), 'name_taken')
      expect(await find(id)).toBeUndefined()
      await assistants().update({ id: other, name: 'Elsewhere' })
      expect(await assistants().restore({ id })).toMatchObject(tea)
    })
  })
}
