import type { AskInput, AskStructure } from '../../shared/domain/ask.ts'
import type { Truncation } from '../../shared/domain/generation.ts'
import type { Grammar } from '../../shared/domain/grammar.ts'
import type { GenerationDefaults } from './generation-defaults.ts'
import type { IncrementalDecoder } from './incremental-decoder.ts'

export interface Prompt {
  readonly ids: readonly number[]
  /** Tokens the reply may have: as asked for or the default, and no more than are left of the context. */
  readonly maxTokens: number
  readonly truncated: Truncation | null
}

export interface PromptLimits {
  /** Tokens of prompt and reply together. */
  readonly contextLength: number
  /** Asked for by the request; undefined takes the default. 0 only scores the prompt. */
  readonly maxTokens: number | undefined
}

/**
 * The text side of a model. What files of the model decide (regular expressions, templates, the length of an encoding)
 * runs in a worker thread; turning ids into text is a table look-up in this one. A model stays usable after the service
 * dropped it from its cache.
 */
export interface TextModel {
  /** One more than the highest id. */
  readonly vocabularySize: number
  readonly defaults: GenerationDefaults
  /** Ids that end a reply. */
  readonly stopIds: readonly number[]
  /** Bytes of all tokens in the form of EngineModel.vocabulary (contracts/engine.ts). */
  readonly packedVocabulary: string
  /**
   * The prompt's ids, fitted into the context. After a begun reply, decode with `continues: true`.
   * @throws SwitchboardError context_length_exceeded, template_invalid; invalid_request, also when encoding takes too
   * long; cancelled when the signal aborts; draining.
   */
  prompt(input: AskInput, limits: PromptLimits, signal: AbortSignal): Promise<Prompt>
  /** The grammar of a reply. @throws SwitchboardError invalid_request; cancelled when the signal aborts. */
  grammar(structure: AskStructure, signal: AbortSignal): Promise<Grammar>
  /** `continues`: the ids continue a text, so a leading space belongs to it. */
  decoder(options: { readonly continues: boolean }): IncrementalDecoder
  /** Whole text of ids; special tokens give none. */
  decode(ids: readonly number[]): string
  /** Exact bytes of one token. */
  bytes(id: number): Uint8Array
}

/** Loads text sides and keeps the last few. A model is loaded once, however many callers wait for it. */
export interface TextService {
  /**
   * @param contentHash of the model's version (TargetModel.contentHash): other files are another text side.
   * @throws SwitchboardError model_corrupt, tokenizer_invalid, template_invalid, draining.
   */
  open(directory: string, contentHash: string): Promise<TextModel>
  /**
   * Loads the text side of a folder that is imported, and drops it.
   * @throws SwitchboardError model_corrupt, tokenizer_invalid, template_invalid, draining.
   */
  check(directory: string): Promise<void>
  /** Ends all workers; what waits for them fails with `draining`. */
  dispose(): Promise<void>
}
