import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { assistantValuesSchema } from '../../shared/contracts/console.ts'
import type { BuiltInAssistant } from './assistants.ts'

const schema = assistantValuesSchema.extend({ id: z.string().regex(/^[0-9A-Za-z_-]{1,40}$/u) })

/** The assistants that come with the program, one JSON file each, sorted by file name. */
export function readBuiltInAssistants(folder: string): readonly BuiltInAssistant[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((file) => schema.parse(JSON.parse(readFileSync(join(folder, file), 'utf8'))))
}
