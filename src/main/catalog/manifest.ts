import { createHash } from 'node:crypto'
import { z } from 'zod'
import { plainFileName } from '../../shared/base/plain-file-name.ts'
import { precisionSchema, type Precision } from '../../shared/domain/generation.ts'
import type { ModelSummary } from '../../shared/domain/model.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { ModelRow } from '../storage/repositories.ts'

const fileName = z.string().refine((name) => plainFileName(name) !== null, 'not a plain file name')
const size = z.number().int().nonnegative()

const manifestSchema = z.object({
  version: z.literal(1),
  name: z.string(),
  family: z.string(),
  precision: precisionSchema,
  parameters: size,
  layers: size,
  contextLength: size,
  vocabularySize: size,
  /** Milliseconds since the epoch. */
  createdAt: size,
  demo: z.boolean(),
  /** Name of the licence file; null when there is none. */
  licence: fileName.nullable(),
  files: z
    .array(z.object({ name: fileName, bytes: size, sha256: z.string().regex(/^[0-9a-f]{64}$/u) }))
    .min(1)
    .readonly(),
})

/** Description of an imported model with the SHA-256 of every file; stored beside the files as manifest.json. */
export type ModelManifest = Readonly<z.infer<typeof manifestSchema>>

export const MANIFEST_FILE = 'manifest.json'

/** @throws SwitchboardError model_corrupt */
export function parseManifest(modelName: string, text: string): ModelManifest {
  try {
    const manifest = manifestSchema.parse(JSON.parse(text))
    if (manifest.name === modelName) return manifest
  } catch (cause) {
    throw new SwitchboardError('model_corrupt', `${MANIFEST_FILE} of model ${modelName} is damaged`, {
      cause,
      details: { model: modelName, file: MANIFEST_FILE },
    })
  }
  throw new SwitchboardError('model_corrupt', `${MANIFEST_FILE} of model ${modelName} belongs to another model`, {
    details: { model: modelName, file: MANIFEST_FILE },
  })
}

/** Value of TargetModel.contentHash. */
export function contentHashOf({ files }: ModelManifest, precision: Precision): string {
  const hashes = files.map(({ name, sha256 }) => `${name}:${sha256}`).sort()
  return createHash('sha256')
    .update(JSON.stringify([hashes, precision]))
    .digest('hex')
}

/** @param row of the same model. */
export function summarise(manifest: ModelManifest, { versions, activeVersion }: ModelRow): ModelSummary {
  const { name, family, parameters, contextLength, demo, createdAt } = manifest
  return {
    name,
    family,
    precision: versions.find(({ version }) => version === activeVersion)?.precision ?? manifest.precision,
    parameters,
    contextLength,
    bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    demo,
    createdAt,
    versions,
    activeVersion,
  }
}
