/**
 * The form of a reply as data, made from JSON Schema or tools and followed by the engine. Plain values that cross a wire
 * unchanged.
 */

/** A set of JSON values. White space is either absent or a line break with indentation. */
export type JsonShape =
  | { readonly kind: 'any' }
  | { readonly kind: 'string' }
  | { readonly kind: 'number' }
  /** At most 15 digits, so that every value is exact as a float64. */
  | { readonly kind: 'integer' }
  /** One of these values, each written as this JSON text. At least one. */
  | { readonly kind: 'literals'; readonly texts: readonly string[] }
  /** Properties in this order, optional ones may be absent; where `additional` is a shape, others follow them. */
  | { readonly kind: 'object'; readonly properties: readonly JsonProperty[]; readonly additional: JsonShape | null }
  /** `maxItems` null: no limit. */
  | { readonly kind: 'array'; readonly items: JsonShape; readonly minItems: number; readonly maxItems: number | null }
  | { readonly kind: 'anyOf'; readonly options: readonly JsonShape[] }
  /** A name in {@link Grammar.definitions}. */
  | { readonly kind: 'reference'; readonly name: string }

export interface JsonProperty {
  readonly name: string
  readonly shape: JsonShape
  readonly required: boolean
}

export type JsonDefinitions = Readonly<Record<string, JsonShape>>

export type GrammarPart =
  | { readonly kind: 'json'; readonly shape: JsonShape }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'sequence'; readonly parts: readonly GrammarPart[] }
  | { readonly kind: 'choice'; readonly options: readonly GrammarPart[] }
  /** Any text that does not begin with `unless`. Allowed only as a choice of the root. */
  | { readonly kind: 'free'; readonly unless: string }

/** The whole reply is one `root` and can end only where the root ends. */
export interface Grammar {
  readonly definitions: JsonDefinitions
  readonly root: GrammarPart
}
