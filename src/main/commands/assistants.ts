import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { assistantFileSchema } from '../../shared/contracts/console.ts'
import { callName, type Assistant, type AssistantFile } from '../../shared/domain/assistant.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { openStores } from '../backend.ts'
import { assistantFile } from '../catalog/assistant-file.ts'
import { importAssistant } from '../catalog/import-assistant.ts'
import { launchChildProcess } from '../platform/child-process.ts'
import type { AssistantRepository } from '../storage/repositories.ts'
import type { CommandOf } from './arguments.ts'
import type { CommandContext } from './context.ts'
import { json as asJson, table } from './terminal.ts'

type AssistantsCommand = CommandOf<
  | 'assistants list'
  | 'assistants create'
  | 'assistants publish'
  | 'assistants export'
  | 'assistants import'
  | 'assistants remove'
>

/** `assistants …`: works beside a running instance, which sees the change within a second. */
export async function manageAssistants(
  command: AssistantsCommand,
  { home, files, terminal, json }: CommandContext,
): Promise<void> {
  const stores = await openStores({ home, files, launch: launchChildProcess }, false)
  const { assistants } = stores.storage
  const show = (assistant: Assistant, sentence: string): void =>
    terminal.out(json ? asJson({ ...assistant, model_name: callName(assistant.name) }) : `${sentence}\n`)
  try {
    switch (command.kind) {
      case 'assistants list': {
        const all = await assistants.list()
        terminal.out(json ? asJson(all) : assistantTable(all))
        return
      }
      case 'assistants create': {
        const { name, model, draft, parameters } = command
        if (model !== undefined) await stores.catalog.find(model)
        const systemPrompt = await readText(command.system ?? '')
        const created = await assistants.create({ name, model: model ?? null, systemPrompt, parameters })
        const assistant = draft ? created : await assistants.publish(created.id)
        show(assistant, described(assistant))
        return
      }
      case 'assistants publish': {
        const assistant = await assistants.publish((await requireAssistant(assistants, command.name)).id)
        show(assistant, described(assistant))
        return
      }
      case 'assistants export':
        terminal.out(asJson(assistantFile(await requireAssistant(assistants, command.name))))
        return
      case 'assistants import': {
        const imported = await importAssistant(assistants, await readAssistantFile(command.file))
        const assistant = command.draft ? imported : await assistants.publish(imported.id)
        show(assistant, described(assistant))
        return
      }
      case 'assistants remove': {
        const assistant = await requireAssistant(assistants, command.name)
        await assistants.remove(assistant.id)
        terminal.out(json ? asJson({ removed: assistant.name }) : `removed ${assistant.name}\n`)
      }
    }
  } finally {
    await stores.dispose()
  }
}

/** @throws SwitchboardError assistant_not_found */
export async function requireAssistant(
  assistants: Pick<AssistantRepository, 'find'>,
  name: string,
): Promise<Assistant> {
  const found = await assistants.find(name)
  if (found === null)
    throw new SwitchboardError(
      'assistant_not_found',
      `there is no assistant named ${JSON.stringify(name.slice(0, 80))}`,
    )
  return found
}

function described({ name, version, publishedVersion }: Assistant): string {
  return publishedVersion === null
    ? `${name}, version ${version}, is a draft; publish it with: switchboard assistants publish ${JSON.stringify(name)}`
    : `programs call version ${publishedVersion} of ${name} as model ${JSON.stringify(callName(name))}`
}

function assistantTable(all: readonly Assistant[]): string {
  return table(
    ['NAME', 'CALLED AS', 'MODEL', 'VERSION', 'PUBLISHED'],
    all.map(({ name, model, version, publishedVersion }) => [
      name,
      publishedVersion === null ? '-' : callName(name),
      model ?? '(default)',
      String(version),
      publishedVersion === null ? '-' : String(publishedVersion),
    ]),
  )
}

/** The text itself, or for `@FILE` the content of the file. @throws SwitchboardError invalid_arguments */
async function readText(text: string): Promise<string> {
  if (!text.startsWith('@')) return text
  return (await readGivenFile(text.slice(1))).trimEnd()
}

/** @throws SwitchboardError invalid_arguments for a file that cannot be read or is not an assistant. */
async function readAssistantFile(path: string): Promise<AssistantFile> {
  const text = await readGivenFile(path)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new SwitchboardError('invalid_arguments', `${path} is not JSON`, { cause })
  }
  const parsed = assistantFileSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const where = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.map(String).join('.')}`
  throw new SwitchboardError(
    'invalid_arguments',
    `${path} is not an exported assistant${where}: ${issue?.message ?? ''}`,
  )
}

async function readGivenFile(path: string): Promise<string> {
  try {
    return await readFile(resolve(path), 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
    throw new SwitchboardError('invalid_arguments', `${path} cannot be read (${code})`, { cause })
  }
}
