import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { seededRandom } from '../seeded-random.ts'
import { byteTokens, tokenText, type ModelShape } from './shape.ts'

/** Normally distributed values, or one constant. */
type Fill = { readonly deviation: number } | { readonly value: number }

interface PlannedTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly fill: Fill
}

/** Deviation that models of this family are initialised with; activations and logits stay finite. */
const deviation = 0.02

/**
 * Zeroes attention and all MLPs but the first. The next token then depends on the last token alone, and rounding
 * differences between kernels hardly matter (with 24 active layers they reach a tenth of the best logit's lead).
 * Replies to random prompts run for a hundred tokens without repeating, and a prompt that contains such a reply is
 * quoted. Speed does not depend on the values.
 */
const silence = { value: 0 }

/** Active layers of a random checkpoint: `one` MLP, see {@link silence}, or `all`. */
export type Voices = 'one' | 'all'

const blockElements = 1 << 20

/**
 * Writes a Hugging Face folder of normally distributed bfloat16 weights: config.json, model.safetensors, and a
 * byte-level
 * tokenizer of the shape's whole vocabulary. The same shape gives the same bytes.
 */
export function writeRandomCheckpoint(directory: string, shape: ModelShape, voices: Voices = 'one'): void {
  mkdirSync(directory, { recursive: true })
  writeWeights(join(directory, 'model.safetensors'), plan(shape, voices), shape)
  writeJson(join(directory, 'config.json'), {
    architectures: ['Qwen2ForCausalLM'],
    model_type: 'qwen2',
    hidden_size: shape.hidden,
    intermediate_size: shape.intermediate,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    num_key_value_heads: shape.kvHeads,
    vocab_size: shape.vocabulary,
    max_position_embeddings: shape.maxPositions,
    rms_norm_eps: 1e-6,
    rope_theta: 1_000_000,
    tie_word_embeddings: true,
    hidden_act: 'silu',
    use_sliding_window: false,
  })
  writeTokenizer(directory, shape)
}

function plan(
  { layers, hidden, heads, kvHeads, headDim, intermediate, vocabulary }: ModelShape,
  voices: Voices,
): PlannedTensor[] {
  const spreadOut = { deviation }
  // The MLP's output grows with the width; in a narrow model each token would repeat itself.
  const loud = { deviation: deviation * Math.max(1, Math.sqrt(896 / hidden)) }
  const tensors: PlannedTensor[] = [{ name: 'model.embed_tokens.weight', shape: [vocabulary, hidden], fill: spreadOut }]
  for (let layer = 0; layer < layers; layer += 1) {
    const add = (name: string, size: readonly number[], fill: Fill): void =>
      void tensors.push({ name: `model.layers.${layer}.${name}.weight`, shape: size, fill })
    add('input_layernorm', [hidden], { value: 1 })
    add('post_attention_layernorm', [hidden], { value: 1 })
    for (const [name, outputs] of [
      ['q', heads * headDim],
      ['k', kvHeads * headDim],
      ['v', kvHeads * headDim],
    ] as const) {
      add(`self_attn.${name}_proj`, [outputs, hidden], spreadOut)
      tensors.push({ name: `model.layers.${layer}.self_attn.${name}_proj.bias`, shape: [outputs], fill: spreadOut })
    }
    add('self_attn.o_proj', [hidden, heads * headDim], voices === 'all' ? spreadOut : silence)
    add('mlp.gate_proj', [intermediate, hidden], loud)
    add('mlp.up_proj', [intermediate, hidden], loud)
    add('mlp.down_proj', [hidden, intermediate], voices === 'all' || layer === 0 ? loud : silence)
  }
  tensors.push({ name: 'model.norm.weight', shape: [hidden], fill: { value: 1 } })
  return tensors
}

const elementsOf = (shape: readonly number[]): number => shape.reduce((product, extent) => product * extent, 1)

/** https://github.com/huggingface/safetensors#format: length of the header, the header as JSON, the tensors. */
function writeWeights(path: string, tensors: readonly PlannedTensor[], model: ModelShape): void {
  const header: Record<string, unknown> = {}
  let offset = 0
  for (const { name, shape } of tensors) {
    const bytes = elementsOf(shape) * 2
    header[name] = { dtype: 'BF16', shape, data_offsets: [offset, offset + bytes] }
    offset += bytes
  }
  const text = JSON.stringify(header)
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  const file = openSync(path, 'w')
  try {
    writeWhole(file, Buffer.concat([length, padded]))
    const draw = bfloat16Draws()
    for (const { name, shape, fill } of tensors) {
      const total = elementsOf(shape)
      for (let first = 0; first < total; first += blockElements) {
        const block = new Uint16Array(Math.min(blockElements, total - first))
        if ('value' in fill) block.fill(bfloat16(fill.value))
        else draw(block, fill.deviation)
        if (name === 'model.embed_tokens.weight') silenceRows(block, first, model)
        writeWhole(file, new Uint8Array(block.buffer))
      }
    }
  } finally {
    closeSync(file)
  }
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
}

/**
 * Byte tokens and the end token: with nearly zero rows their logits are 0, far below the best.
 */
function silenceRows(block: Uint16Array, first: number, { hidden, vocabulary }: ModelShape): void {
  const quiet = bfloat16(1e-6)
  const quieten = (fromRow: number, toRow: number): void => {
    const from = Math.max(0, fromRow * hidden - first)
    const to = Math.min(block.length, toRow * hidden - first)
    if (from < to) block.fill(quiet, from, to)
  }
  quieten(0, byteTokens)
  quieten(vocabulary - 1, vocabulary)
}

/** Fills blocks from a table of 65,536 normal draws per deviation: half a billion weights in seconds. */
function bfloat16Draws(): (block: Uint16Array, deviation: number) => void {
  const random = seededRandom(20_261_121)
  const tables = new Map<number, Uint16Array>()
  let state = 88_675_123
  return (block, wanted) => {
    const table = tables.get(wanted) ?? Uint16Array.from({ length: 0x1_0000 }, () => bfloat16(normal(random) * wanted))
    tables.set(wanted, table)
    for (let index = 0; index < block.length; index += 1) {
      // xorshift32 (Marsaglia 2003); its upper half is the better one
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      block[index] = table[state >>> 16]!
    }
  }
}

/** Box and Muller 1958. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}

const bits = new DataView(new ArrayBuffer(4))

/** The upper half of a float32. */
function bfloat16(value: number): number {
  bits.setFloat32(0, value)
  return bits.getUint16(0)
}

const endText = '<|endoftext|>'

function writeTokenizer(directory: string, { vocabulary }: ModelShape): void {
  const vocab: Record<string, number> = {}
  for (const [byte, character] of byteCharacters().entries()) vocab[character] = byte
  const space = byteCharacters()[32]!
  for (let id = byteTokens; id < vocabulary - 1; id += 1) vocab[tokenText(id).replace(' ', space)] = id
  writeJson(join(directory, 'tokenizer.json'), {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [
      {
        id: vocabulary - 1,
        content: endText,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      },
    ],
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges: [],
    },
  })
  writeJson(join(directory, 'tokenizer_config.json'), { tokenizer_class: 'Qwen2Tokenizer', eos_token: endText })
}

/** The characters that byte-level BPE writes for the 256 bytes (GPT-2, encoder.py, bytes_to_unicode). */
function byteCharacters(): string[] {
  let next = 0x100
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
    return String.fromCharCode(printable ? byte : next++)
  })
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value)}\n`)
}
