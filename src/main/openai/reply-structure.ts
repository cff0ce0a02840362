import type { ChatRequestBody } from '../../shared/contracts/openai.ts'
import type { ToolDescription } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { AskStructure, JsonFormat } from '../../shared/domain/ask.ts'
import { parseJsonSchema, SchemaBudget, type SchemaOptions } from './json-schema.ts'
import { SchemaFault } from './schema-fault.ts'

/** Tool calls of one reply. Stops a model that would call without end. */
const MAX_CALLS = 8
/** Characters of all tools together, as JSON text. */
const MAX_TOOL_CHARACTERS = 262_144

type Wire = Pick<ChatRequestBody, 'response_format' | 'tools' | 'tool_choice' | 'parallel_tool_calls'>
type ToolFunction = NonNullable<Wire['tools']>[number]['function']

/**
 * The shape of the reply that `response_format`, `tools` and `tool_choice` ask for; null where they ask for none.
 * @throws SwitchboardError invalid_request with the field at fault.
 */
export function structureOf(wire: Wire): AskStructure | null {
  const budget = new SchemaBudget()
  const format = formatOf(wire.response_format, budget)
  const choice = wire.tool_choice ?? 'auto'
  if (JSON.stringify(wire.tools ?? []).length > MAX_TOOL_CHARACTERS)
    throw invalid('tools', `they have more than ${MAX_TOOL_CHARACTERS} characters`)
  // Every tool is checked, even if none may be called.
  const all = (wire.tools ?? []).map((tool, index) => ({
    name: tool.function.name,
    arguments: argumentsOf(tool.function, index, budget),
  }))
  const named = typeof choice === 'string' ? null : choice.function.name
  const callable = choice === 'none' ? [] : all.filter(({ name }) => named === null || name === named)
  const tools =
    callable.length === 0
      ? null
      : {
          callable,
          required: choice !== 'auto',
          maxCalls: named !== null || wire.parallel_tool_calls === false ? 1 : MAX_CALLS,
        }
  return format === null && tools === null ? null : { format, tools }
}

/** The tools for the chat template; none when `tool_choice` is `none`. */
export function describedTools({ tools, tool_choice: choice }: Wire): { readonly tools?: readonly ToolDescription[] } {
  if (tools == null || tools.length === 0 || choice === 'none') return {}
  return {
    tools: tools.map(({ function: { name, description, parameters } }) => ({
      name,
      description: description ?? null,
      parameters: parameters ?? NO_ARGUMENTS,
    })),
  }
}

const NO_ARGUMENTS = { type: 'object', properties: {} } as const

function formatOf(format: Wire['response_format'], budget: SchemaBudget): JsonFormat | null {
  if (format == null || format.type === 'text') return null
  if (format.type === 'json_object') return parseAt('response_format', { type: 'object' }, { budget })
  const { schema, strict } = format.json_schema
  return parseAt('response_format.json_schema.schema', schema, { lenient: strict === false, budget })
}

/** As in OpenAI's API, a tool's schema is strict only on request; otherwise unsupported keywords are ignored. */
function argumentsOf({ parameters, strict }: ToolFunction, index: number, budget: SchemaBudget): JsonFormat {
  const param = `tools[${index}].function.parameters`
  const format = parseAt(param, parameters ?? NO_ARGUMENTS, { prefix: `${index}:`, lenient: strict !== true, budget })
  if (format.shape.kind === 'object') return format
  const mayBeObject = format.shape.kind === 'any' || format.shape.kind === 'anyOf' || format.shape.kind === 'reference'
  if (strict === true || !mayBeObject) throw invalid(param, 'arguments are an object: expected "type": "object"')
  return { shape: { kind: 'object', properties: [], additional: { kind: 'any' } }, definitions: {} }
}

function parseAt(param: string, schema: unknown, options: SchemaOptions): JsonFormat {
  try {
    return parseJsonSchema(schema, options)
  } catch (thrown) {
    if (!(thrown instanceof SchemaFault)) throw thrown
    throw invalid(thrown.path === '' ? param : `${param}.${thrown.path}`, thrown.message)
  }
}

function invalid(param: string, message: string): SwitchboardError {
  const shown = param.slice(0, 200).toWellFormed()
  return new SwitchboardError('invalid_request', `Invalid value for '${shown}': ${message}.`, { param: shown })
}
