import { z } from 'zod'
import type { SamplingParameters } from '../../shared/domain/generation.ts'
import {
  parameterNames,
  samplingFields,
  valueSchema,
  type ParameterName,
  type SamplingValues,
} from '../../shared/domain/sampling.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Ask } from '../../shared/domain/ask.ts'

/** How a model samples where the request does not say, and the ids it ends with. */
export interface GenerationDefaults {
  readonly sampling: Omit<SamplingValues, 'seed'>
  readonly stopIds: readonly number[]
}

type DefaultName = keyof GenerationDefaults['sampling']

const names = parameterNames.filter((name): name is DefaultName => samplingFields[name].standard !== null)

const standard = Object.fromEntries(
  names.map((name) => [name, samplingFields[name].standard]),
) as GenerationDefaults['sampling']

const id = z.int().min(0)

/** A value of the file that is out of range counts as absent: a file cannot be asked to correct its request. */
const fileValue = (name: ParameterName) => valueSchema(name).optional().catch(undefined)

/** The fields of Hugging Face's generation_config.json that are used. */
const schema = z
  .object({
    do_sample: z.boolean().optional().catch(undefined),
    eos_token_id: z
      .union([id, z.array(id)])
      .nullish()
      .catch(undefined),
  })
  .catchall(z.unknown())

/** @throws SwitchboardError model_corrupt when the file is no JSON object. */
export function readGenerationDefaults(text: string | null): GenerationDefaults {
  if (text === null) return { sampling: standard, stopIds: [] }
  let config: z.infer<typeof schema>
  try {
    config = schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new SwitchboardError('model_corrupt', 'generation_config.json is not a JSON object', { cause })
  }
  const sampling: Record<DefaultName, number> = { ...standard }
  for (const name of names) {
    const field = samplingFields[name]
    if ('fromModel' in field) sampling[name] = fileValue(name).parse(config[field.wire]) ?? standard[name]
  }
  if (config.do_sample === false) sampling.temperature = 0
  const { eos_token_id: end } = config
  return { sampling, stopIds: end === undefined || end === null ? [] : [end].flat() }
}

/** The request's parameters over the model's defaults. */
export function samplingFor(
  { sampling }: GenerationDefaults,
  parameters: Ask['parameters'],
  seed: number,
): SamplingParameters {
  const values: Record<DefaultName, number> = { ...sampling }
  for (const name of names) values[name] = parameters[name] ?? sampling[name]
  return { ...values, logitBias: parameters.logitBias ?? {}, seed }
}
