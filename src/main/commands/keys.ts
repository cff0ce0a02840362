import type { ApiKey } from '../../shared/domain/api-key.ts'
import type { Assistant } from '../../shared/domain/assistant.ts'
import { openStorageAt } from '../backend.ts'
import type { Storage } from '../storage/repositories.ts'
import type { CommandOf } from './arguments.ts'
import { requireAssistant } from './assistants.ts'
import type { CommandContext } from './context.ts'
import { json as asJson, table, when } from './terminal.ts'

/** `keys …`: works beside a running instance, which looks keys up for each request. */
export async function manageKeys(
  command: CommandOf<'keys create' | 'keys list' | 'keys bind' | 'keys revoke'>,
  { home, files, terminal, json }: CommandContext,
): Promise<void> {
  const storage = await openStorageAt(home, files, false)
  try {
    switch (command.kind) {
      case 'keys create': {
        const assistantId = await idOf(storage, command.assistant)
        const { key, secret } = await storage.keys.create(command.name, assistantId)
        terminal.out(json ? asJson({ ...key, secret }) : `${secret}\n`)
        return
      }
      case 'keys list': {
        const [keys, assistants] = await Promise.all([storage.keys.list(), storage.assistants.list()])
        terminal.out(json ? asJson(keys) : keyTable(keys, assistants))
        return
      }
      case 'keys bind': {
        const key = await storage.keys.bind(command.name, await idOf(storage, command.assistant))
        const bound = command.assistant === undefined ? 'answers with any model' : `answers as ${command.assistant}`
        terminal.out(json ? asJson(key) : `${key.name} ${bound}\n`)
        return
      }
      case 'keys revoke': {
        const key = await storage.keys.revoke(command.name)
        terminal.out(json ? asJson(key) : `revoked ${key.name}\n`)
      }
    }
  } finally {
    await storage.dispose()
  }
}

async function idOf({ assistants }: Storage, name: string | undefined): Promise<string | null> {
  return name === undefined ? null : (await requireAssistant(assistants, name)).id
}

function keyTable(keys: readonly ApiKey[], assistants: readonly Assistant[]): string {
  const nameOf = ({ assistantId }: ApiKey): string =>
    assistantId === null ? '-' : (assistants.find(({ id }) => id === assistantId)?.name ?? '(removed)')
  return table(
    ['NAME', 'KEY', 'CREATED', 'LAST USED', 'ASSISTANT', 'STATE'],
    keys.map((key) => [
      key.name,
      `${key.prefix}…`,
      when(key.createdAt),
      when(key.lastUsedAt),
      nameOf(key),
      key.revokedAt === null ? 'live' : 'revoked',
    ]),
  )
}
