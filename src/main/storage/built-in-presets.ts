import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { parameterSchema } from '../../shared/domain/sampling.ts'
import type { BuiltInPreset } from './presets.ts'

const schema = z.object({
  id: z.string().regex(/^[0-9A-Za-z_-]{1,40}$/u),
  name: z.object({ en: z.string() }).catchall(z.string()),
  systemPrompt: z.string(),
  parameters: parameterSchema,
})

/**
 * The presets that come with the program, one JSON file each, by file name. They are our own files: a wrong one is a
 * bug.
 */
export function readBuiltInPresets(folder: string): readonly BuiltInPreset[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((file) => {
      const { name: names, ...preset } = schema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8')))
      return { ...preset, names }
    })
}
