import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { TokenizerJson } from './tokenizer-json.ts'
import type { BeforeStep } from './tokenizer.ts'

/** Text to ids, where text can never become a special or added token. */
export interface PlainEncoder {
  /** `first`: the text stands at the start of the sequence, which matters where only that gets a leading space. */
  encode(text: string, first: boolean): readonly number[]
}

/** Texts on which badly written patterns backtrack without end. */
const canaries = [
  ' '.repeat(2000),
  'a'.repeat(2000),
  `${'a'.repeat(1000)}\u0000`,
  '1'.repeat(2000),
  '\n \t'.repeat(700),
  '退'.repeat(1000),
  '!?'.repeat(1000),
  "'s".repeat(800),
  '👩‍👩‍👧'.repeat(200),
]

/**
 * The tokenizer is built from the file without its added tokens, and their texts are taken out of the vocabulary as
 * well, so that nothing in it can give one of their ids: `<|im_end|>` in a message is encoded like any other text.
 * @throws SwitchboardError tokenizer_invalid when the file cannot be used. A pattern in it may never end.
 */
export function buildPlainEncoder(
  json: TokenizerJson,
  controlIds: ReadonlySet<number>,
  beforeStep: BeforeStep,
): PlainEncoder {
  const added = new Set(json.added_tokens.map(({ content }) => content))
  const vocab = Object.fromEntries(Object.entries(json.model.vocab).filter(([token]) => !added.has(token)))
  const plain = { ...json, added_tokens: [], post_processor: null, model: { ...json.model, vocab, unk_token: null } }
  const start = build(plain)
  // Under `prepend_scheme: first` only the first section of a text gets the leading space.
  const rest = prependsFirst(json) ? build(withoutPrepend(plain)) : start
  const encoder: PlainEncoder = {
    encode(text, first) {
      if (text === '') return []
      // A lone surrogate has no bytes; U+FFFD stands for it, as in every UTF-8 encoder.
      return (first ? start : rest).encode(text.toWellFormed(), { add_special_tokens: false }).ids
    },
  }
  check(encoder, json, controlIds, beforeStep)
  return encoder
}

function build(json: object): LibraryTokenizer {
  try {
    return new LibraryTokenizer(json, { clean_up_tokenization_spaces: false })
  } catch (thrown) {
    throw new SwitchboardError(
      'tokenizer_invalid',
      `tokenizer.json: ${thrown instanceof Error ? thrown.message : 'it cannot be used'}`,
      { cause: thrown },
    )
  }
}

function check(
  encoder: PlainEncoder,
  json: TokenizerJson,
  controlIds: ReadonlySet<number>,
  beforeStep: BeforeStep,
): void {
  for (const texts of [...canaries.map((text) => [text]), json.added_tokens.map(({ content }) => content)]) {
    beforeStep('pattern')
    for (const text of texts) {
      let ids: readonly unknown[]
      try {
        ids = encoder.encode(text, true)
      } catch (cause) {
        throw new SwitchboardError('tokenizer_invalid', 'tokenizer.json: a pattern in it fails on plain text', {
          cause,
        })
      }
      if (ids.some((id) => typeof id !== 'number' || controlIds.has(id)))
        throw new SwitchboardError(
          'tokenizer_invalid',
          'tokenizer.json: plain text gives control tokens or none at all',
        )
    }
  }
}

function prependsFirst(json: object): boolean {
  return JSON.stringify(Reflect.get(json, 'pre_tokenizer') ?? null).includes('"prepend_scheme":"first"')
}

function withoutPrepend(json: object): object {
  const text = JSON.stringify(Reflect.get(json, 'pre_tokenizer'))
  return {
    ...json,
    pre_tokenizer: JSON.parse(text.replaceAll('"prepend_scheme":"first"', '"prepend_scheme":"never"')) as unknown,
  }
}
