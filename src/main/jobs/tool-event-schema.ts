import { z } from 'zod'
import type { ToolEvent } from '../../shared/contracts/jobs.ts'
import { catalogue, type ErrorCode } from '../../shared/errors/catalogue.ts'

const count = z.number().int().nonnegative()
const precision = z.enum(['fp32', 'fp16', 'int8', 'int4'])
const codes = Object.keys(catalogue) as [ErrorCode, ...ErrorCode[]]

const inspectedSchema = z.object({
  family: z.string().max(64),
  parameters: count,
  layers: count,
  contextLength: count,
  vocabularySize: count,
  files: z.array(z.object({ name: z.string().max(255), bytes: count })).max(1024),
})

const descriptionSchema = z.object({
  version: count,
  family: z.string().max(64),
  precision,
  floats: z
    .array(z.enum(['float32', 'float16']))
    .min(1)
    .max(2),
  layers: count,
  hiddenSize: count,
  heads: count,
  kvHeads: count,
  headDim: count,
  vocabularySize: count,
  maxPositions: count,
  weightBytes: count,
  sources: z.record(z.string(), z.string()),
  files: z.record(z.string(), z.string()),
})

const errorSchema = z.object({
  code: z.enum(codes),
  message: z.string().max(4000),
  param: z.string().max(400).exactOptional(),
  retryAfterSeconds: z.number().exactOptional(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).exactOptional(),
})

const eventSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), fraction: z.number().min(0).max(1), step: z.string().max(400) }),
  z.object({
    kind: z.literal('result'),
    result: z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('inspected'), model: inspectedSchema }),
      z.object({ kind: z.literal('built'), description: descriptionSchema }),
    ]),
  }),
  z.object({ kind: z.literal('failed'), error: errorSchema }),
])

/** A message of the tool process, or null: it reads files from strangers, so what it says is checked like a request. */
export function parseToolEvent(message: unknown): ToolEvent | null {
  const parsed = eventSchema.safeParse(message)
  return parsed.success ? parsed.data : null
}
