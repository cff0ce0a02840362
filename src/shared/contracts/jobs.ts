/** Main <-> tool process (the workshop), one process a job: a job in, progress and one result out. */
import type { GraphDescription } from './graph.ts'
import type { SerialisedError } from '../errors/switchboard-error.ts'

export type ToolJob =
  /** Checks a Hugging Face folder without trusting it and reports what it is. Reads only. */
  | { readonly kind: 'inspect'; readonly source: string }
  /** Builds the ONNX graph of a Hugging Face folder into an empty target folder (written as a whole, or not at all). */
  | {
      readonly kind: 'build'
      readonly source: string
      readonly target: string
      readonly precision: 'fp32' | 'fp16' | 'int8' | 'int4'
    }

export interface InspectedModel {
  readonly family: string
  readonly parameters: number
  readonly layers: number
  readonly contextLength: number
  readonly vocabularySize: number
  /** Files that belong to the model, with sizes in bytes. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
}

export type ToolResult =
  | { readonly kind: 'inspected'; readonly model: InspectedModel }
  | { readonly kind: 'built'; readonly description: GraphDescription }

export type ToolEvent =
  | { readonly kind: 'progress'; readonly fraction: number; readonly step: string }
  | { readonly kind: 'result'; readonly result: ToolResult }
  | { readonly kind: 'failed'; readonly error: SerialisedError }
