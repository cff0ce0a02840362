/** Sizes of the models that the engines are compared on. */
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
  /** To try the bench itself, in a minute; its figures mean nothing. */
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

/** Bytes of keys and values of one token, float32. */
export function kvBytesPerToken({ layers, kvHeads, headDim }: ModelShape): number {
  return 2 * layers * kvHeads * headDim * 4
}

/** Bytes of the rotary tables, of which a step reads one line. */
export function rotaryBytes({ maxPositions, headDim }: ModelShape): number {
  return 2 * maxPositions * (headDim / 2) * 4
}

/** The first ids stand for single bytes; they and the last id, the end, are never drawn by the random checkpoint. */
export const byteTokens = 256

/** Text of every other token; texts that start with a space can be told apart when they are joined. */
export function tokenText(id: number): string {
  return ` ${id.toString(36)}`
}

/** Ids of a reply's text. */
export function idsOfText(text: string): number[] {
  return text
    .split(' ')
    .slice(1)
    .map((piece) => Number.parseInt(piece, 36))
}

export function countTokens(text: string): number {
  return text.split(' ').length - 1
}
