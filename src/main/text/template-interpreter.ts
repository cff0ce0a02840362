import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** Characters a template may print. */
const mostOutput = 1_000_000
/** Nodes evaluated in one rendering: a message takes a few dozen, so this is room for ten thousand of them. */
const mostSteps = 1_000_000
/** Characters of all intermediate texts together. */
const mostWork = 64_000_000
const longestList = 100_000
/** Items of all lists looked at together. */
const mostItems = 5_000_000
const longestTemplate = 200_000

type Program = Parameters<Interpreter['run']>[0]
type Statement = Parameters<Interpreter['evaluate']>[0]
type Value = ReturnType<Interpreter['evaluate']>

/** What the template itself raised about the conversation, such as roles that do not alternate. */
export class TemplateRefusal extends Error {}

/**
 * Ends a rendering by counting, not by the clock: the same template and messages give the same answer on a slow and on
 * a
 * busy machine. Every node of the tree passes through `evaluate`, so loops, recursion and growing texts are all
 * counted.
 */
class BoundedInterpreter extends Interpreter {
  #steps = 0
  #work = 0
  #items = 0

  override evaluate(statement: Statement, environment: Environment): Value {
    this.#steps += 1
    if (this.#steps > mostSteps) throw tooMuch('steps', mostSteps)
    const value = super.evaluate(statement, environment)
    const content: unknown = value.value
    if (typeof content === 'string') {
      this.#work += content.length
      if (content.length > mostOutput) throw tooMuch('characters', mostOutput)
      if (this.#work > mostWork) throw tooMuch('characters of work', mostWork)
    } else if (Array.isArray(content)) {
      // A loop with an empty body evaluates nothing but its list.
      this.#items += content.length
      if (content.length > longestList) throw tooMuch('items of one list', longestList)
      if (this.#items > mostItems) throw tooMuch('items of lists', mostItems)
    }
    return value
  }
}

/** A parsed chat template. Interpreted, never turned into code. */
export interface ParsedTemplate {
  /** @throws TemplateRefusal, SwitchboardError template_invalid. */
  render(variables: Readonly<Record<string, unknown>>): string
}

/** @throws SwitchboardError template_invalid. */
export function parseTemplate(source: string): ParsedTemplate {
  if (source.length > longestTemplate)
    throw new SwitchboardError(
      'template_invalid',
      `the chat template has ${source.length} characters, more than ${longestTemplate}`,
    )
  const program = parseProgram(source)
  return {
    render(variables) {
      const environment = new Environment()
      for (const [name, value] of Object.entries({ ...globals, ...variables })) environment.set(name, value)
      try {
        const rendered: unknown = new BoundedInterpreter(environment).run(program).value
        if (typeof rendered !== 'string') throw new TypeError('it gives no text')
        return rendered
      } catch (thrown) {
        if (thrown instanceof SwitchboardError || thrown instanceof TemplateRefusal) throw thrown
        // Too deep a recursion and too long a text arrive here as RangeError.
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

/** No clock: the same conversation and seed give the same prompt on any day. */
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
    if (!(count <= longestList)) throw tooMuch('items of one list', longestList)
    return Array.from({ length: count }, (_, index) => from + index * step)
  },
}

function tooMuch(what: string, most: number): SwitchboardError {
  return new SwitchboardError('template_invalid', `the chat template takes more than ${most} ${what}`)
}

function invalid(thrown: unknown): SwitchboardError {
  return new SwitchboardError(
    'template_invalid',
    `the chat template cannot be used: ${thrown instanceof Error ? thrown.message.slice(0, 300) : 'unknown error'}`,
    { cause: thrown },
  )
}
