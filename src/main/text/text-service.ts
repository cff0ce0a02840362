import type { AskInput, AskStructure } from '../../shared/domain/ask.ts'
import type { Truncation } from '../../shared/domain/generation.ts'
import type { Grammar } from '../../shared/domain/grammar.ts'
import type { GenerationDefaults } from './generation-defaults.ts'
import type { IncrementalDecoder } from './incremental-decoder.ts'

export interface Prompt {
  readonly ids: readonly number[]
  /** Tokens the reply may have: what was asked for or the default, and never more than what is left of the context. */
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
 * The text side of a model. What a file of the model decides (regular expressions, templates, the length of an encoding)
 * runs in the text worker; turning ids into text is a table look-up here.
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
   * The prompt's ids, fitted into the context.
   * @throws SwitchboardError context_length_exceeded, invalid_request, template_invalid; cancelled when the signal aborts.
   */
  prompt(input: AskInput, limits: PromptLimits, signal: AbortSignal): Promise<Prompt>
  /** The grammar of a reply. @throws SwitchboardError invalid_request; cancelled when the signal aborts. */
  grammar(structure: AskStructure, signal: AbortSignal): Promise<Grammar>
  decoder(options: { readonly continues: boolean }): IncrementalDecoder
  decode(ids: readonly number[]): string
  /** Exact bytes of one token. */
  bytes(id: number): Uint8Array
}

/** Where text sides come from. One model is loaded once, however many ask for it at the same time. */
export interface TextService {
  /**
   * @param contentHash of the model's version (TargetModel.contentHash): other files are another text side.
   * @throws SwitchboardError model_corrupt, tokenizer_invalid, template_invalid.
   */
  open(directory: string, contentHash: string): Promise<TextModel>
  /**
   * Tries the text side of a folder that is imported and keeps nothing of it.
   * @throws SwitchboardError model_corrupt, tokenizer_invalid, template_invalid.
   */
  check(directory: string): Promise<void>
  dispose(): Promise<void>
}
