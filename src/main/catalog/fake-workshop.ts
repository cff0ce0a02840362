import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { filesOf, GRAPH_VERSION, graphFiles, type GraphDescription } from '../../shared/contracts/graph.ts'
import type { InspectedModel } from '../../shared/contracts/jobs.ts'
import type { Precision } from '../../shared/domain/generation.ts'
import { throwIfCancelled } from '../../shared/errors/cancelled.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { stagingName } from '../platform/staging.ts'
import type { LongTask } from '../platform/long-task.ts'
import type { Workshop } from './workshop.ts'

/** A {@link Workshop} for tests: a folder with config.json is a model, and its graph holds hashes of its weights. */
export class FakeWorkshop implements Workshop {
  inspections = 0
  builds = 0
  parameters = 1000
  /** Awaited in the middle of each build. */
  duringBuild: (task: LongTask) => Promise<void> = async () => undefined
  /** Awaited at the end of each inspection. */
  afterInspection: () => Promise<void> = async () => undefined

  async inspect(source: string): Promise<InspectedModel> {
    this.inspections++
    const names = (await readdir(source)).sort()
    if (!names.includes('config.json'))
      throw new SwitchboardError('not_a_model_folder', 'config.json is missing in the folder')
    const files = await Promise.all(names.map(async (name) => ({ name, bytes: (await stat(join(source, name))).size })))
    await this.afterInspection()
    return { family: 'llama', parameters: this.parameters, layers: 2, contextLength: 128, vocabularySize: 100, files }
  }

  async build(
    job: { readonly source: string; readonly target: string; readonly precision: Precision },
    task: LongTask,
  ): Promise<GraphDescription> {
    this.builds++
    const staging = join(job.target, '..', stagingName('graph'))
    await mkdir(staging)
    task.onProgress?.(0.5, 'Writing the graph')
    await this.duringBuild(task)
    throwIfCancelled(task.signal)
    const sources: Record<string, string> = {}
    for (const name of ['config.json', 'model.safetensors'])
      sources[name] = sha256(await readFile(join(job.source, name)))
    const files: Record<string, string> = {}
    const floats = ['float32'] as const
    for (const name of filesOf({ floats })) {
      await writeFile(join(staging, name), `${name} of ${sources['model.safetensors']}`)
      files[name] = sha256(await readFile(join(staging, name)))
    }
    const shape = {
      layers: 2,
      hiddenSize: 16,
      heads: 1,
      kvHeads: 1,
      headDim: 16,
      vocabularySize: 100,
      maxPositions: 128,
      weightBytes: 4000,
    }
    const description: GraphDescription = {
      version: GRAPH_VERSION,
      family: 'llama',
      precision: job.precision,
      floats,
      ...shape,
      sources,
      files,
    }
    await writeFile(join(staging, graphFiles.description), JSON.stringify(description))
    try {
      await rename(staging, job.target)
    } catch (cause) {
      throw new SwitchboardError('name_taken', 'the target folder was filled meanwhile', { cause })
    }
    return description
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
