import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** Characters of one text a template may make, its output included. */
const MAX_TEXT = 1_000_000
/** Items of one list. */
const MAX_ITEMS = 100_000
/** Characters of a template. */
const MAX_TEMPLATE = 200_000

type Program = Parameters<Interpreter['run']>[0]
type Statement = Parameters<Interpreter['evaluate']>[0]
type Value = ReturnType<Interpreter['evaluate']>

/** Raised by the template itself about the conversation, such as roles that do not alternate. */
export class TemplateRefusal extends Error {}

/**
 * Refuses a single value that is too large, so that a few doublings cannot take all memory at once. Time, and memory
 * taken bit by bit, are limited from outside (watchdog.ts).
 */
class BoundedInterpreter extends Interpreter {
  override evaluate(statement: Statement, environment: Environment): Value {
    const value = super.evaluate(statement, environment)
    const content: unknown = value.value
    if (typeof content === 'string') {
      if (content.length > MAX_TEXT) throw tooLarge('characters', MAX_TEXT)
    } else if (Array.isArray(content) && content.length > MAX_ITEMS) throw tooLarge('items', MAX_ITEMS)
    return value
  }
}

/** A parsed chat template: interpreted, never compiled to code. */
export interface ParsedTemplate {
  /** May never end. @throws TemplateRefusal, SwitchboardError template_invalid. */
  render(variables: Readonly<Record<string, unknown>>): string
}

/** @throws SwitchboardError template_invalid. */
export function parseTemplate(source: string): ParsedTemplate {
  if (source.length > MAX_TEMPLATE)
    throw new SwitchboardError(
      'template_invalid',
      `the chat template has ${source.length} characters, more than ${MAX_TEMPLATE}`,
    )
  const program = parseProgram(source)
  return {
    render(variables) {
      const environment = new Environment()
      for (const [name, value] of Object.entries({ ...globals, ...variables })) environment.set(name, value)
      try {
        const rendered: unknown = new BoundedInterpreter(environment).run(program).value
        if (typeof rendered !== 'string') throw new TypeError('it renders no text')
        return rendered
      } catch (thrown) {
        if (thrown instanceof SwitchboardError || thrown instanceof TemplateRefusal) throw thrown
        // Deep recursion and very long texts arrive here as RangeError.
        throw invalid(thrown)
      }
    },
  }
}

function parseProgram(source: string): Program {
  try {
    return parse(tokenize(source, { lstrip_blocks: true, trim_blocks: true }))
  } catch (thrown) {
    throw invalid(thrown)
  }
}

/** Without a clock (`strftime_now`): the same conversation gives the same prompt on any day. */
const globals = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  tools: null,
  documents: null,
  raise_exception(message: unknown): never {
    throw new TemplateRefusal(String(message).slice(0, 300))
  },
  range(start: number, stop?: number, step = 1): number[] {
    const [from, to] = typeof stop === 'number' ? [start, stop] : [0, start]
    const count = step === 0 ? Number.NaN : Math.max(0, Math.ceil((to - from) / step))
    if (!(count <= MAX_ITEMS)) throw tooLarge('items', MAX_ITEMS)
    return Array.from({ length: count }, (_, index) => from + index * step)
  },
}

function tooLarge(unit: string, max: number): SwitchboardError {
  return new SwitchboardError('template_invalid', `the chat template makes a value of more than ${max} ${unit}`)
}

function invalid(thrown: unknown): SwitchboardError {
  return new SwitchboardError(
    'template_invalid',
    `the chat template cannot be used: ${thrown instanceof Error ? thrown.message.slice(0, 300) : 'unknown error'}`,
    { cause: thrown },
  )
}
