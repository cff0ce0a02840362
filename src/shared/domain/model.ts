import type { Precision } from './generation.ts'

/** One precision of a model's weights, built from the imported files. */
export interface ModelVersion {
  /** Counted from 1; a number is never used again. */
  readonly version: number
  readonly precision: Precision
  /** SHA-256 in hexadecimal over the source files and the precision. */
  readonly contentHash: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

/** A model as people and programs see it. */
export interface ModelSummary {
  readonly name: string
  readonly family: string
  /** Of the version in use. */
  readonly precision: Precision
  readonly parameters: number
  readonly contextLength: number
  /** Bytes on disk of the imported files. */
  readonly bytes: number
  /** Part of the program, for trying things out; cannot be removed. */
  readonly demo: boolean
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  /** Oldest first. */
  readonly versions: readonly ModelVersion[]
  /** The version that answers. */
  readonly activeVersion: number
}
