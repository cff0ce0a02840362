import { resolve } from 'node:path'
import type { ModelSummary } from '../../shared/domain/model.ts'
import { openStores } from '../backend.ts'
import { launchChildProcess } from '../platform/child-process.ts'
import type { CommandOf } from './arguments.ts'
import type { CommandContext } from './context.ts'
import { json as asJson, megabytes, millions, progressTo, table } from './terminal.ts'

type ModelsCommand = CommandOf<'models list' | 'models import' | 'models build' | 'models use' | 'models remove'>

/** `models …`: works beside a running instance; an import is a job that its windows show and can cancel. */
export async function manageModels(
  command: ModelsCommand,
  { home, files, terminal, json, signal }: CommandContext,
): Promise<void> {
  const stores = await openStores({ home, files, launch: launchChildProcess }, false)
  const { catalog, jobs } = stores
  const summaryOf = async (name: string): Promise<ModelSummary | undefined> =>
    (await catalog.list()).find((model) => model.name === name)
  try {
    switch (command.kind) {
      case 'models list': {
        const models = await catalog.list()
        terminal.out(json ? asJson(models) : modelTable(models))
        return
      }
      case 'models import': {
        const { name, precision } = command
        const input = { kind: 'import', directory: resolve(command.directory), model: name, precision } as const
        await jobs.complete(input, { onProgress: progressTo(terminal), signal })
        const model = await summaryOf(name)
        terminal.out(json ? asJson(model) : `imported ${model === undefined ? name : sentence(model)}\n`)
        return
      }
      case 'models build': {
        const { name, precision } = command
        await jobs.complete({ kind: 'build', model: name, precision }, { onProgress: progressTo(terminal), signal })
        const model = await summaryOf(name)
        const built = model?.versions.findLast((version) => version.precision === precision)
        terminal.out(json ? asJson(model) : `built version ${built?.version ?? ''} of ${name}: ${precision}\n`)
        return
      }
      case 'models use': {
        const model = await catalog.use(command.name, command.version)
        terminal.out(json ? asJson(model) : `${model.name} answers with version ${model.activeVersion}\n`)
        return
      }
      case 'models remove':
        await catalog.remove(command.name)
        terminal.out(json ? asJson({ removed: command.name }) : `removed ${command.name}\n`)
    }
  } finally {
    await stores.dispose()
  }
}

function modelTable(models: readonly ModelSummary[]): string {
  return table(
    ['NAME', 'FAMILY', 'PRECISION', 'VERSION', 'PARAMETERS', 'CONTEXT', 'SIZE'],
    models.map((model) => [
      model.name,
      model.family,
      model.precision,
      `${model.activeVersion} of ${model.versions.length}`,
      millions(model.parameters),
      String(model.contextLength),
      megabytes(model.bytes),
    ]),
  )
}

const sentence = (model: ModelSummary): string =>
  `${model.name}: ${model.family}, ${millions(model.parameters)} parameters, ${megabytes(model.bytes)}`
