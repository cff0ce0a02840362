import { z } from 'zod'
import { providerSchema } from './generation.ts'

const settingsShape = {
  language: z.enum(['auto', 'en', 'zh-CN']).default('auto'),
  theme: z.enum(['auto', 'light', 'dark']).default('auto'),
  /** See ProviderPolicy. */
  providers: z
    .object({ prefer: z.enum(['auto', ...providerSchema.options]), allowCpu: z.boolean() })
    .readonly()
    .default({ prefer: 'auto', allowCpu: true }),
  /** Conversations that decode at once. */
  slots: z.number().int().min(1).max(64).default(8),
  /** Requests that may wait beyond the slots. */
  queueRequests: z.number().int().min(0).max(10_000).default(64),
  /** Tokens of prompt and reply together; capped by the model. */
  contextLength: z.number().int().min(256).max(131_072).default(4096),
  /** Model that new conversations and requests without a model use. */
  defaultModel: z.string().min(1).max(64).default('demo'),
  /** Assistant of new conversations, and of requests that name no model once it is published. */
  defaultAssistantId: z
    .string()
    .regex(/^[0-9A-Za-z_-]{1,40}$/)
    .default('web-shop'),
  /** First run was explained. */
  welcomed: z.boolean().default(false),
}

/** Everything people can set, each with its default. */
export const settingsSchema = z.object(settingsShape)
export type Settings = Readonly<z.infer<typeof settingsSchema>>
export const defaultSettings: Settings = settingsSchema.parse({})

type Shape = typeof settingsShape

/** A change of some settings: absent ones stay, and have no default. */
export const settingsPatchSchema = z.object(
  Object.fromEntries(Object.entries(settingsShape).map(([name, schema]) => [name, schema.unwrap().optional()])) as {
    [Name in keyof Shape]: z.ZodOptional<ReturnType<Shape[Name]['unwrap']>>
  },
)

/** Smallest and largest value of a setting that is a number. */
export function settingRange(name: 'slots' | 'queueRequests' | 'contextLength'): {
  readonly min: number
  readonly max: number
} {
  const { minValue, maxValue } = settingsShape[name].unwrap()
  return { min: minValue ?? -Infinity, max: maxValue ?? Infinity }
}
