/** Main -> worker (the command) and worker -> main (the reports) of text-worker.ts. */
import type { AskInput } from '../../shared/domain/ask.ts'
import type { Truncation } from '../../shared/domain/generation.ts'
import type { SerialisedError } from '../../shared/errors/switchboard-error.ts'
import type { PromptLimits } from './text-service.ts'
import type { TokenTableData } from './token-table.ts'
import type { CheckStep } from './tokenizer.ts'

/** `workerData`: a worker holds one model. */
export interface WorkerSetup {
  readonly directory: string
}

/** One task at a time; the next one is sent when the last one was answered. */
export interface TextTask {
  readonly kind: 'prompt'
  readonly input: AskInput
  readonly limits: PromptLimits
}

export interface TaskResult {
  readonly ids: Uint32Array<ArrayBuffer>
  readonly maxTokens: number
  readonly truncated: Truncation | null
}

/** What main needs of a model once it is loaded. */
export interface TextFacts {
  /** Its buffers are transferred: the worker has none of it afterwards. */
  readonly table: TokenTableData
  /** Bytes of the longest token. */
  readonly maxTokenBytes: number
  readonly packedVocabulary: string
  /** The token that ends a reply, where tokenizer_config.json names one. */
  readonly endId: number | null
  /** Text of generation_config.json; null without one. */
  readonly generationConfig: string | null
}

export type WorkerReport =
  /** While loading: what runs next. */
  | { readonly kind: 'step'; readonly step: CheckStep }
  | { readonly kind: 'loaded'; readonly facts: TextFacts }
  | { readonly kind: 'loadFailed'; readonly failure: Failure }
  | { readonly kind: 'done'; readonly result: TaskResult }
  | { readonly kind: 'failed'; readonly failure: Failure }

/** `error` is null for a fault of the program, which is described by its stack. */
export interface Failure {
  readonly error: SerialisedError | null
  readonly stack: string
}
