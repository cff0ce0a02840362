import type { Precision } from './generation.ts'

/** A model as people and programs see it. Placeholder fields are filled by the catalog. */
export interface ModelSummary {
  readonly name: string
  readonly family: string
  readonly precision: Precision
  readonly parameters: number
  readonly contextLength: number
  /** Bytes on disk of the imported files. */
  readonly bytes: number
  /** Part of the program, for trying things out; cannot be removed. */
  readonly demo: boolean
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}
