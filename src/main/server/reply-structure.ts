import type { ChatRequestBody } from '../../shared/contracts/openai.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { JsonFormat, ReplyStructure } from '../conversation/reply-service.ts'
import { parseJsonSchema, type SchemaOptions } from './json-schema.ts'
import { SchemaFault } from './schema-fault.ts'

type Wire = Pick<ChatRequestBody, 'response_format'>

/**
 * `response_format` as the shape of the reply; null when it leaves it free.
 * @throws SwitchboardError invalid_request with the field at fault.
 */
export function structureOf(wire: Wire): ReplyStructure | null {
  const format = formatOf(wire.response_format)
  return format === null ? null : { format }
}

function formatOf(format: Wire['response_format']): JsonFormat | null {
  if (format == null || format.type === 'text') return null
  if (format.type === 'json_object') return parseAt('response_format', { type: 'object' })
  const { schema, strict } = format.json_schema
  return parseAt('response_format.json_schema.schema', schema, { lenient: strict === false })
}

function parseAt(param: string, schema: unknown, options?: SchemaOptions): JsonFormat {
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
