/** Shapes of the compared models. */
export interface ModelShape {
  readonly name: string
  readonly layers: number
  readonly hidden: number
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  readonly intermediate: number
  readonly vocabulary: number
  readonly maxPositions: number
}

const shapes: Readonly<Record<string, ModelShape>> = {
  /** For trying the bench itself in a minute; its figures mean nothing. */
  tiny: {
    name: 'tiny',
    layers: 4,
    hidden: 256,
    heads: 4,
    kvHeads: 2,
    headDim: 64,
    intermediate: 1024,
    vocabulary: 16_384,
    maxPositions: 32_768,
  },
  /** Qwen/Qwen2.5-0.5B, config.json. */
  '0.5b': {
    name: '0.5b',
    layers: 24,
    hidden: 896,
    heads: 14,
    kvHeads: 2,
    headDim: 64,
    intermediate: 4864,
    vocabulary: 151_936,
    maxPositions: 32_768,
  },
  /** Qwen/Qwen2.5-1.5B, config.json. */
  '1.5b': {
    name: '1.5b',
    layers: 28,
    hidden: 1536,
    heads: 12,
    kvHeads: 2,
    headDim: 128,
    intermediate: 8960,
    vocabulary: 151_936,
    maxPositions: 32_768,
  },
}

export function shapeNamed(name: string): ModelShape {
  const shape = Object.hasOwn(shapes, name) ? shapes[name] : undefined
  if (shape === undefined) throw new RangeError(`--shape ${name} is none of ${Object.keys(shapes).join(', ')}`)
  return shape
}

/** KV bytes per token, float32. */
export function kvBytesPerToken({ layers, kvHeads, headDim }: ModelShape): number {
  return 2 * layers * kvHeads * headDim * 4
}

/** Bytes of the rotary tables, of which a step reads one row. */
export function rotaryBytes({ maxPositions, headDim }: ModelShape): number {
  return 2 * maxPositions * (headDim / 2) * 4
}

/** The first ids are single bytes. The random checkpoint never generates them or the last id, the end token. */
export const byteTokens = 256

/** Text of the other tokens; the leading space keeps joined texts separable. */
export function tokenText(id: number): string {
  return ` ${id.toString(36)}`
}

/** Token ids of a reply's text. */
export function idsOfText(text: string): number[] {
  return text
    .split(' ')
    .slice(1)
    .map((piece) => Number.parseInt(piece, 36))
}

export function countTokens(text: string): number {
  return text.split(' ').length - 1
}
