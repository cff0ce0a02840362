import { z } from 'zod'
import { SwitchboardError } from '../errors/switchboard-error.ts'

/** One sampling parameter; everything that reads, checks, shows or sends it follows from this entry. */
interface SamplingField {
  /** Field of the OpenAI API and of Hugging Face's generation_config.json. */
  readonly wire: string
  /** Meaning, shown in /openapi.json. */
  readonly about: string
  readonly min: number
  readonly max: number
  /** Only values above `min` are allowed, not `min` itself. */
  readonly aboveMin?: true
  readonly integer?: true
  /** Step of an input field. */
  readonly step: number
  /** Value where neither the request nor the model says; null: chosen for each reply. */
  readonly standard: number | null
  /** generation_config.json of a model may replace `standard`. */
  readonly fromModel?: true
}

/** In the order people use them. */
export const samplingFields = {
  temperature: {
    wire: 'temperature',
    about: 'Divides the logits; 0 always takes the most probable token.',
    ...{ min: 0, max: 2, step: 0.1, standard: 0.7, fromModel: true },
  },
  maxTokens: {
    wire: 'max_tokens',
    about: 'Longest reply, in tokens.',
    ...{ min: 1, max: 131_072, integer: true, step: 1, standard: null },
  },
  seed: {
    wire: 'seed',
    about: 'The same seed and input give the same reply.',
    ...{ min: 0, max: 4_294_967_295, integer: true, step: 1, standard: null },
  },
  topP: {
    wire: 'top_p',
    about: 'Keeps the most probable tokens that together have this probability; 1 keeps all.',
    ...{ min: 0, max: 1, aboveMin: true, step: 0.01, standard: 1, fromModel: true },
  },
  topK: {
    wire: 'top_k',
    about: 'Keeps this many of the most probable tokens; 0 keeps all.',
    ...{ min: 0, max: 1000, integer: true, step: 1, standard: 0, fromModel: true },
  },
  minP: {
    wire: 'min_p',
    about: 'Keeps tokens at least this fraction as probable as the best one; 0 keeps all.',
    ...{ min: 0, max: 1, step: 0.01, standard: 0, fromModel: true },
  },
  repetitionPenalty: {
    wire: 'repetition_penalty',
    about:
      'Divides (if negative, multiplies) logits of tokens in prompt or reply; 1 is off. Keskar et al. 2019 (CTRL).',
    ...{ min: 0.5, max: 2, step: 0.05, standard: 1, fromModel: true },
  },
  frequencyPenalty: {
    wire: 'frequency_penalty',
    about: 'Subtracted from a logit once per earlier occurrence in the reply.',
    ...{ min: -2, max: 2, step: 0.1, standard: 0 },
  },
  presencePenalty: {
    wire: 'presence_penalty',
    about: 'Subtracted from a logit once where the token occurred in the reply.',
    ...{ min: -2, max: 2, step: 0.1, standard: 0 },
  },
} as const satisfies Readonly<Record<string, SamplingField>>

type Fields = typeof samplingFields
export type ParameterName = keyof Fields
type WireName<Name extends ParameterName> = Fields[Name]['wire']

export const parameterNames = Object.keys(samplingFields) as readonly ParameterName[]

const fieldOf = (name: ParameterName): SamplingField => samplingFields[name]

/** Smallest value an input field offers. */
export function lowestValue(name: ParameterName): number {
  const { min, aboveMin, step } = fieldOf(name)
  return aboveMin === true ? min + step : min
}

/** Schema of one value. `min` widens the range where a wire gives a smaller value a meaning of its own. */
export function valueSchema(name: ParameterName, min: number = fieldOf(name).min): z.ZodNumber {
  const { max, aboveMin, integer } = fieldOf(name)
  const ranged = (aboveMin === true ? z.number().gt(min) : z.number().min(min)).max(max)
  return integer === true ? ranged.int() : ranged
}

/** An object with one property per parameter. */
function forEach<Value>(make: (name: ParameterName) => Value): { readonly [Name in ParameterName]: Value } {
  return Object.fromEntries(parameterNames.map((name) => [name, make(name)])) as { [Name in ParameterName]: Value }
}

/** The parameters under their own names, as the window, the stored data and files of assistants have them. */
export const parameterSchema = z.object(forEach((name) => valueSchema(name).optional()))

/** Overrides of the standard values; absent means the model's or the program's own. */
export type ParameterOverrides = Readonly<z.infer<typeof parameterSchema>>

/** All parameters of a request to the engine, defaults applied; `maxTokens` is no part of sampling itself. */
export type SamplingValues = { readonly [Name in Exclude<ParameterName, 'maxTokens'>]: number }

type WireShape = { readonly [Name in ParameterName as WireName<Name>]: z.ZodOptional<z.ZodNullable<z.ZodNumber>> }

/** The fields of an OpenAI request body; null means the standard value. */
export const wireParameterShape = Object.fromEntries(
  parameterNames.map((name) => [fieldOf(name).wire, valueSchema(name).nullish().describe(fieldOf(name).about)]),
) as WireShape

type WireValues = { readonly [Wire in keyof WireShape]?: number | null | undefined }

/** A request body's parameters under their own names. */
export function fromWire(wire: WireValues): ParameterOverrides {
  return forEach((name) => wire[samplingFields[name].wire] ?? undefined)
}

/** Inverse of {@link fromWire}. */
export function toWire(parameters: ParameterOverrides): WireValues {
  return Object.fromEntries(parameterNames.map((name) => [fieldOf(name).wire, parameters[name]]))
}

/** A value as typed by a person, or null where it is no plain decimal number or out of range. */
export function parseValue(name: ParameterName, text: string): number | null {
  if (!/^-?(?:\d+(?:\.\d*)?|\.\d+)$/.test(text)) return null
  const parsed = valueSchema(name).safeParse(Number(text))
  return parsed.success ? parsed.data : null
}

/**
 * Reads `temperature=0.3`, an option of the command line. Takes the parameter's own name and that of the OpenAI API.
 * @throws SwitchboardError invalid_arguments
 */
export function parseParameter(text: string): ParameterOverrides {
  const [, given = '', value = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? []
  const name = parameterNames.find((known) => given === known || given === fieldOf(known).wire)
  if (name === undefined)
    throw new SwitchboardError(
      'invalid_arguments',
      `${JSON.stringify(text.slice(0, 80))} is not NAME=VALUE with one of the names ${parameterNames.join(', ')}`,
    )
  const parsed = parseValue(name, value.trim())
  if (parsed !== null) return { [name]: parsed }
  const { max, integer } = fieldOf(name)
  throw new SwitchboardError(
    'invalid_arguments',
    `${name} is a ${integer === true ? 'whole ' : ''}number from ${lowestValue(name)} to ${max}, not ${JSON.stringify(value.slice(0, 80))}`,
  )
}
