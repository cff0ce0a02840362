import { isRecord } from '../../shared/base/is-record.ts'
import { readVocabulary } from './build-token-table.ts'
import { buildChatTemplate, type ChatTemplate } from './chat-template.ts'
import { decodeIds, IncrementalDecoder } from './incremental-decoder.ts'
import { buildPlainEncoder } from './text-encoder.ts'
import type { TokenTable } from './token-table.ts'
import {
  parseTokenizerConfig,
  parseTokenizerJson,
  readTokenizerFiles,
  type TokenizerConfigJson,
  type TokenizerJson,
} from './tokenizer-json.ts'

/** Everything about a model's text, values in and values out. Runs in the thread it was loaded in. */
export interface Tokenizer {
  /** One more than the highest id. */
  readonly vocabularySize: number
  /** Bytes of the longest token: a text of n bytes has at least n / maxTokenBytes tokens. */
  readonly maxTokenBytes: number
  /** Ids put before a prompt that is not rendered by a template, such as a start token; often none. */
  readonly prefixIds: readonly number[]
  /** The token that ends a reply, where tokenizer_config.json names one (`eos_token`). */
  readonly endId: number | null
  /** null when the model has none; such a model only completes text. */
  readonly chat: ChatTemplate | null
  readonly table: TokenTable
  /** Never gives a special or added token, whatever the text says. Lone surrogates become U+FFFD. */
  encodeText(text: string): readonly number[]
  /** Whole text of ids; special tokens give none. */
  decode(ids: readonly number[]): string
  decoder(options: { readonly continues: boolean }): IncrementalDecoder
  /** Exact bytes of one token. */
  bytes(id: number): Uint8Array
  /** Bytes of all tokens in the form of EngineModel.vocabulary (contracts/engine.ts); special ones have none. */
  packedBytes(): Uint8Array
}

/** Steps of loading a tokenizer that run what its files say, and may therefore never end. */
export type CheckStep = 'pattern' | 'template'
/** Called before each such step, so that a watchdog knows what runs. */
export type BeforeStep = (step: CheckStep) => void

/**
 * Loads tokenizer.json, tokenizer_config.json and the chat template of a model folder.
 * @throws SwitchboardError tokenizer_invalid, template_invalid.
 */
export function loadTokenizer(folder: string, beforeStep: BeforeStep = () => undefined): Tokenizer {
  const { json, config } = readTokenizerFiles(folder)
  return buildTokenizer(json, config, beforeStep)
}

/** The same from parsed JSON. @throws SwitchboardError tokenizer_invalid, template_invalid. */
export function tokenizerFrom(
  tokenizer: Readonly<Record<string, unknown>>,
  config: Readonly<Record<string, unknown>>,
): Tokenizer {
  return buildTokenizer(parseTokenizerJson(tokenizer), parseTokenizerConfig(config), () => undefined)
}

function buildTokenizer(json: TokenizerJson, config: TokenizerConfigJson, beforeStep: BeforeStep): Tokenizer {
  const { table, maxTokenBytes, controlIds } = readVocabulary(json)
  const plain = buildPlainEncoder(json, controlIds, beforeStep)
  const controls = new Map(json.added_tokens.map(({ content, id }) => [content, id]))
  return {
    vocabularySize: table.size,
    maxTokenBytes,
    endId: controls.get(config.namedTokens['eos_token'] ?? '') ?? null,
    prefixIds: prefixIdsOf(json, controls),
    chat:
      config.chatTemplate === null
        ? null
        : buildChatTemplate(config.chatTemplate, config.namedTokens, json.added_tokens, plain, beforeStep),
    table,
    encodeText: (text) => plain.encode(text, true),
    decode: (ids) => decodeIds(table, ids),
    decoder: (options) => new IncrementalDecoder(table, options),
    bytes: (id) => table.bytes(id),
    packedBytes: () => table.pack(),
  }
}

/** Ids that the file's post-processor puts before a text: `single` of TemplateProcessing, up to the text itself. */
function prefixIdsOf(json: TokenizerJson, controls: ReadonlyMap<string, number>): readonly number[] {
  const post: unknown = Reflect.get(json, 'post_processor')
  const parts: unknown = isRecord(post) && post['type'] === 'Sequence' ? post['processors'] : [post]
  const template: unknown = Array.isArray(parts)
    ? parts.find((part: unknown) => isRecord(part) && part['type'] === 'TemplateProcessing')
    : undefined
  const single: unknown = isRecord(template) ? template['single'] : undefined
  const ids: number[] = []
  for (const part of Array.isArray(single) ? (single as unknown[]) : []) {
    const special: unknown = isRecord(part) ? part['SpecialToken'] : undefined
    const id = isRecord(special) ? controls.get(String(special['id'])) : undefined
    if (id === undefined) break
    ids.push(id)
  }
  return ids
}
