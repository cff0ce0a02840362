import { readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { isRecord } from '../../shared/base/is-record.ts'
import type { ErrorCode } from '../../shared/errors/catalogue.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'

export interface AddedTokenJson {
  readonly id: number
  readonly content: string
  readonly special: boolean
}

/** The part of Hugging Face's tokenizer.json that is read here; the library reads the rest. */
export interface TokenizerJson {
  readonly added_tokens: readonly AddedTokenJson[]
  readonly model: { readonly type: string; readonly vocab: Readonly<Record<string, number>> }
  readonly decoder: Readonly<Record<string, unknown>> | null
}

/** The part of tokenizer_config.json that matters here. */
export interface TokenizerConfigJson {
  readonly chatTemplate: string | null
  /** Texts of named tokens the template may print, such as `bos_token`. */
  readonly namedTokens: Readonly<Record<string, string>>
}

const MAX_FILE_BYTES = 64 * 1024 * 1024
const MAX_ID = 1_000_000
const namedTokens = ['bos_token', 'eos_token', 'pad_token', 'unk_token'] as const

/** Reads and checks both files of a model folder. @throws SwitchboardError tokenizer_invalid, template_invalid. */
export function readTokenizerFiles(folder: string): {
  readonly json: TokenizerJson
  readonly config: TokenizerConfigJson
} {
  const json = parseTokenizerJson(readObject(join(folder, 'tokenizer.json')))
  const config = readObject(join(folder, 'tokenizer_config.json'))
  // Newer exports keep the template in a file of its own.
  const separate = readOptionalText(join(folder, 'chat_template.jinja'), MAX_FILE_BYTES, 'template_invalid')
  return { json, config: parseTokenizerConfig(separate === null ? config : { ...config, chat_template: separate }) }
}

/** @throws SwitchboardError tokenizer_invalid. */
export function parseTokenizerJson(value: Readonly<Record<string, unknown>>): TokenizerJson {
  const { model, added_tokens: added, decoder } = value
  if (!isRecord(model) || !isRecord(model['vocab'])) throw invalid('model.vocab is missing or not an object')
  if (model['type'] !== 'BPE') throw invalid(`model.type is ${JSON.stringify(model['type'])}, expected "BPE"`)
  if (!Array.isArray(model['merges'])) throw invalid('model.merges is missing or not a list')
  if (!Array.isArray(added)) throw invalid('added_tokens is missing or not a list')
  if (decoder !== null && !isRecord(decoder)) throw invalid('decoder is not an object')
  const owners = new Map<number, string>()
  const claim = (id: unknown, token: string): void => {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > MAX_ID)
      throw invalid(`the id of ${JSON.stringify(token)} is ${JSON.stringify(id)}, expected 0 to ${MAX_ID}`)
    const owner = owners.get(id)
    if (owner !== undefined && owner !== token)
      throw invalid(`id ${id} belongs to both ${JSON.stringify(owner)} and ${JSON.stringify(token)}`)
    owners.set(id, token)
  }
  for (const [token, id] of Object.entries(model['vocab'])) claim(id, token)
  for (const token of added) {
    if (!isRecord(token) || typeof token['content'] !== 'string' || token['content'] === '')
      throw invalid('an added token has no content')
    claim(token['id'], token['content'])
  }
  return value as unknown as TokenizerJson
}

/** @throws SwitchboardError template_invalid when there are several templates and none is the default. */
export function parseTokenizerConfig(value: Readonly<Record<string, unknown>>): TokenizerConfigJson {
  const named: Record<string, string> = {}
  for (const name of namedTokens) {
    const token = value[name]
    const text = isRecord(token) ? token['content'] : token
    if (typeof text === 'string') named[name] = text
  }
  return { chatTemplate: chatTemplateOf(value['chat_template']), namedTokens: named }
}

function chatTemplateOf(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (value === undefined || value === null) return null
  if (Array.isArray(value)) {
    const standard: unknown = value.find((entry: unknown) => isRecord(entry) && entry['name'] === 'default')
    if (isRecord(standard) && typeof standard['template'] === 'string') return standard['template']
  }
  throw new SwitchboardError(
    'template_invalid',
    'tokenizer_config.json: chat_template is neither a string nor a list with a default',
  )
}

function readObject(path: string): Readonly<Record<string, unknown>> {
  const text = readOptionalText(path, MAX_FILE_BYTES, 'tokenizer_invalid')
  if (text === null) throw new SwitchboardError('tokenizer_invalid', `${basename(path)} does not exist`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (thrown) {
    throw new SwitchboardError('tokenizer_invalid', `${basename(path)} is not JSON`, { cause: thrown })
  }
  if (!isRecord(value)) throw new SwitchboardError('tokenizer_invalid', `${basename(path)} is not a JSON object`)
  return value
}

/** null where there is no such file. @throws SwitchboardError `code` when it is larger than `maxBytes`. */
export function readOptionalText(path: string, maxBytes: number, code: ErrorCode): string | null {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat === undefined) return null
  if (stat.size > maxBytes)
    throw new SwitchboardError(code, `${basename(path)} has ${stat.size} bytes, more than ${maxBytes}`)
  return readFileSync(path, 'utf8')
}

function invalid(what: string): SwitchboardError {
  return new SwitchboardError('tokenizer_invalid', `tokenizer.json: ${what}`)
}
