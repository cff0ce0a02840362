import { z } from 'zod'
import { catalogue, type ErrorCode } from './catalogue.ts'

const codes = Object.keys(catalogue) as [ErrorCode, ...ErrorCode[]]

/** An error as it crosses a wire: plain data, turned back into an error on arrival by `revive`. */
export const serialisedErrorSchema = z
  .object({
    code: z.enum(codes),
    message: z.string().max(4000),
    /** The request field at fault, as a path such as `messages[0].content`. */
    param: z.string().max(400).exactOptional(),
    /** Seconds after which a retry makes sense. */
    retryAfterSeconds: z.number().exactOptional(),
    /** Further facts for a program: counts, file names, tensor names. Never secrets, never customers' text. */
    details: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
      .readonly()
      .exactOptional(),
  })
  .readonly()
export type SerialisedError = z.infer<typeof serialisedErrorSchema>
