/** Main <-> tool process (the workshop), one process a job: a job in, progress and one result out. */
import { z } from 'zod'
import { precisionSchema } from '../domain/generation.ts'
import { serialisedErrorSchema } from '../errors/serialised-error.ts'
import { graphDescriptionSchema } from './graph.ts'

const count = z.int().min(0)

export const toolJobSchema = z.discriminatedUnion('kind', [
  /** Checks a Hugging Face folder without trusting it and reports what it is. Reads only. */
  z.object({ kind: z.literal('inspect'), source: z.string() }).readonly(),
  /** Builds the ONNX graph of a Hugging Face folder into an empty target folder (written as a whole, or not at all). */
  z.object({ kind: z.literal('build'), source: z.string(), target: z.string(), precision: precisionSchema }).readonly(),
])
export type ToolJob = z.infer<typeof toolJobSchema>

const inspectedSchema = z
  .object({
    family: z.string().max(64),
    parameters: count,
    layers: count,
    contextLength: count,
    vocabularySize: count,
    /** Files that belong to the model, with sizes in bytes. */
    files: z
      .array(z.object({ name: z.string().max(255), bytes: count }).readonly())
      .max(1024)
      .readonly(),
  })
  .readonly()
export type InspectedModel = z.infer<typeof inspectedSchema>

const resultSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('inspected'), model: inspectedSchema }).readonly(),
  z.object({ kind: z.literal('built'), description: graphDescriptionSchema }).readonly(),
])
export type ToolResult = z.infer<typeof resultSchema>

const eventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), fraction: z.number().min(0).max(1), step: z.string().max(400) }).readonly(),
  z.object({ kind: z.literal('result'), result: resultSchema }).readonly(),
  z.object({ kind: z.literal('failed'), error: serialisedErrorSchema }).readonly(),
])
export type ToolEvent = z.infer<typeof eventSchema>

/**
 * A message of the tool process, or null where it is none of the contract's: the process reads untrusted files, so its
 * messages are checked like a request.
 */
export function parseToolEvent(message: unknown): ToolEvent | null {
  const parsed = eventSchema.safeParse(message)
  return parsed.success ? parsed.data : null
}
