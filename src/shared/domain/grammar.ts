/**
 * What a reply may look like, as data: made at the doors from JSON Schema or tools, followed by the engine. Plain
 * values, so
 * that it crosses the wire as it is.
 */

/** JSON values of one shape. Written compactly or with a line break and an indentation where JSON allows blanks. */
export type JsonShape =
  | { readonly kind: 'any' }
  | { readonly kind: 'string' }
  | { readonly kind: 'number' }
  /** Up to 15 digits, so that every value is exact as a float64. */
  | { readonly kind: 'integer' }
  /** One of these values, each written as this JSON text. At least one. */
  | { readonly kind: 'literals'; readonly texts: readonly string[] }
  /**
   * Properties appear in this order, optional ones may be left out; others follow them where `additional` is a shape.
   */
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
  /**
   * Any text that does not begin with `unless`: only as a choice of the root. Once it has gone another way nothing is
   * refused.
   */
  | { readonly kind: 'free'; readonly unless: string }

/** The whole reply is one `root`; the reply can end only where that ends. */
export interface Grammar {
  readonly definitions: JsonDefinitions
  readonly root: GrammarPart
}
