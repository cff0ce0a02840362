import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openStorage } from '../../src/main/storage/storage.ts'
import { command } from '../server-process.ts'
import { writeRandomCheckpoint } from './random-checkpoint.ts'
import { writeRandomGguf } from './random-gguf.ts'
import type { ModelShape } from './shape.ts'

export interface Prepared {
  /** Home folder of the product with the model `bench`, int4. */
  readonly home: string
  readonly gguf: string
}

export interface ServerSettings {
  readonly slots: number
  readonly contextLength: number
}

export const modelName = 'bench'

/**
 * The model for both sides, created once and cached in bench/.cache. Settings and keys in the home folder are new in
 * each run.
 */
export async function prepare(shape: ModelShape, settings: ServerSettings): Promise<Prepared> {
  const cache = join(import.meta.dirname, '..', '.cache', shape.name)
  // The name contains the version of the recipe, so that an older checkpoint is not reused.
  const home = join(cache, 'home-one-voice')
  const gguf = join(cache, 'q4_0.gguf')
  mkdirSync(home, { recursive: true })
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(home, `switchboard.db${suffix}`), { force: true })
  if (!existsSync(gguf)) {
    console.error(`Writing ${gguf}`)
    writeRandomGguf(`${gguf}.part`, shape)
    renameSync(`${gguf}.part`, gguf)
  }
  const models = JSON.parse(command(home, 'models', 'list', '--json')) as readonly { readonly name: string }[]
  if (!models.some(({ name }) => name === modelName)) {
    const checkpoint = join(cache, 'checkpoint')
    console.error(`Writing a random checkpoint of the ${shape.name} shape and importing it as int4`)
    writeRandomCheckpoint(checkpoint, shape)
    command(home, 'models', 'import', checkpoint, '--name', modelName, '--precision', 'int4')
    // The import made its own copy.
    rmSync(checkpoint, { recursive: true })
  }
  const storage = await openStorage({ path: join(home, 'switchboard.db'), builtInAssistants: [], workers: false })
  await storage.settings.update({ ...settings, defaultModel: modelName, providers: { prefer: 'cpu', allowCpu: true } })
  await storage.dispose()
  return { home, gguf }
}
