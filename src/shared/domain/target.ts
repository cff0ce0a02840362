import type { Precision } from './generation.ts'

/** One version of a model on this machine. Two targets with the same `contentHash` run in the same engine process. */
export interface TargetModel {
  /** Catalog name of the model. */
  readonly name: string
  /** Counted from 1 within the model. */
  readonly version: number
  readonly precision: Precision
  /** SHA-256 in hexadecimal over the source files and the precision. */
  readonly contentHash: string
}

/** LoRA weights over the model, in the order they are applied. None are served yet. */
export interface TargetAdapter {
  readonly name: string
  /** SHA-256 of the adapter's weights, in hexadecimal. */
  readonly contentHash: string
  readonly scale: number
}

/** The assistant by whose name the answer was asked for. */
export interface TargetAssistant {
  readonly id: string
  readonly name: string
  /** Counted from 1; a reply can be traced to the prompt and parameters that wrote it. */
  readonly version: number
}

/**
 * What answers one request. The catalog resolves a name to a target once, at the door; nothing below the doors knows
 * any other name of a model. Plain data: a target keeps its meaning after the model was removed or replaced.
 */
export interface Target {
  /** As it was asked for: the name of a model or of an assistant. */
  readonly name: string
  readonly model: TargetModel
  readonly adapters: readonly TargetAdapter[]
  readonly assistant: TargetAssistant | null
  readonly where: { readonly kind: 'local' }
  /** `fp_` and 12 hexadecimal digits over model and adapters: equal fingerprints and seeds give equal replies. */
  readonly fingerprint: string
}

/** Identifies the engine process that runs a target. */
export function engineKey({ model }: Pick<Target, 'model'>): string {
  return `${model.name} ${model.contentHash}`
}

/** Identifies the keys and values a target computes: prompts are shared between requests of one scope alone. */
export function cacheScope({ fingerprint }: Pick<Target, 'fingerprint'>, client: string): string {
  return `${client} ${fingerprint}`
}
