import { randomFillSync } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import type { ModelShape } from './shape.ts'

/*
 * A GGUF of random weights for llama.cpp: every matrix Q4_0, embedding and head one matrix, as in the checkpoint.
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */

const alignment = 32
const types = { float32: 0, q4: 2 } as const
const values = { uint32: 4, float32: 6, text: 8, array: 9, int32: 5 } as const
/** A Q4_0 block: 32 weights as a float16 scale and 16 bytes. */
const blockWeights = 32
const blockBytes = 18

interface Tensor {
  readonly name: string
  /** Fastest dimension first, as GGUF has it. */
  readonly shape: readonly number[]
  readonly type: number
}

export function writeRandomGguf(path: string, shape: ModelShape): void {
  const tensors = plan(shape)
  const metadata = describe(shape)
  let offset = 0
  const infos = tensors.map((tensor) => {
    const info = Buffer.concat([
      text(tensor.name),
      uint32(tensor.shape.length),
      ...tensor.shape.map(uint64),
      uint32(tensor.type),
      uint64(offset),
    ])
    offset += aligned(byteLength(tensor))
    return info
  })
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    uint32(3),
    uint64(tensors.length),
    uint64(metadata.length),
    ...metadata,
    ...infos,
  ])
  const file = openSync(path, 'w')
  try {
    writeSync(file, Buffer.concat([head, Buffer.alloc(aligned(head.length) - head.length)]))
    for (const tensor of tensors) {
      const bytes = contents(tensor)
      for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written)
    }
  } finally {
    closeSync(file)
  }
}

function plan({ layers, hidden, heads, kvHeads, headDim, intermediate, vocabulary }: ModelShape): Tensor[] {
  const matrix = (name: string, inputs: number, outputs: number): Tensor => ({
    name: `${name}.weight`,
    shape: [inputs, outputs],
    type: types.q4,
  })
  const vector = (name: string, size: number): Tensor => ({ name, shape: [size], type: types.float32 })
  const tensors = [matrix('token_embd', hidden, vocabulary), vector('output_norm.weight', hidden)]
  for (let layer = 0; layer < layers; layer += 1) {
    const block = `blk.${layer}.`
    tensors.push(
      vector(`${block}attn_norm.weight`, hidden),
      matrix(`${block}attn_q`, hidden, heads * headDim),
      vector(`${block}attn_q.bias`, heads * headDim),
      matrix(`${block}attn_k`, hidden, kvHeads * headDim),
      vector(`${block}attn_k.bias`, kvHeads * headDim),
      matrix(`${block}attn_v`, hidden, kvHeads * headDim),
      vector(`${block}attn_v.bias`, kvHeads * headDim),
      matrix(`${block}attn_output`, heads * headDim, hidden),
      vector(`${block}ffn_norm.weight`, hidden),
      matrix(`${block}ffn_gate`, hidden, intermediate),
      matrix(`${block}ffn_up`, hidden, intermediate),
      matrix(`${block}ffn_down`, intermediate, hidden),
    )
  }
  return tensors
}

function describe({ layers, hidden, heads, kvHeads, intermediate, vocabulary, maxPositions }: ModelShape): Buffer[] {
  const named = (name: string, type: number, ...parts: readonly Buffer[]): Buffer =>
    Buffer.concat([text(name), uint32(type), ...parts])
  const number = (name: string, value: number): Buffer => named(name, values.uint32, uint32(value))
  const end = vocabulary - 1
  // 1: an ordinary token.
  const kinds = new Int32Array(vocabulary).fill(1)
  return [
    named('general.architecture', values.text, text('qwen2')),
    named('general.name', values.text, text('random')),
    // 2: mostly Q4_0.
    number('general.file_type', 2),
    number('qwen2.block_count', layers),
    number('qwen2.context_length', maxPositions),
    number('qwen2.embedding_length', hidden),
    number('qwen2.feed_forward_length', intermediate),
    number('qwen2.attention.head_count', heads),
    number('qwen2.attention.head_count_kv', kvHeads),
    named('qwen2.attention.layer_norm_rms_epsilon', values.float32, float32(1e-6)),
    named('qwen2.rope.freq_base', values.float32, float32(1_000_000)),
    number('qwen2.vocab_size', vocabulary),
    named('tokenizer.ggml.model', values.text, text('gpt2')),
    named('tokenizer.ggml.pre', values.text, text('qwen2')),
    named(
      'tokenizer.ggml.tokens',
      values.array,
      uint32(values.text),
      uint64(vocabulary),
      Buffer.concat(Array.from({ length: vocabulary }, (_, id) => text(`t${id}`))),
    ),
    named(
      'tokenizer.ggml.token_type',
      values.array,
      uint32(values.int32),
      uint64(vocabulary),
      Buffer.from(kinds.buffer),
    ),
    named('tokenizer.ggml.merges', values.array, uint32(values.text), uint64(1), text('t 0')),
    number('tokenizer.ggml.eos_token_id', end),
    number('tokenizer.ggml.bos_token_id', end),
  ]
}

const elements = ({ shape }: Tensor): number => shape.reduce((product, extent) => product * extent, 1)
const byteLength = (tensor: Tensor): number =>
  tensor.type === types.q4 ? (elements(tensor) / blockWeights) * blockBytes : elements(tensor) * 4
const aligned = (bytes: number): number => Math.ceil(bytes / alignment) * alignment

function contents(tensor: Tensor): Buffer {
  const bytes = Buffer.alloc(aligned(byteLength(tensor)))
  if (tensor.type === types.float32) {
    const value = tensor.name.includes('norm') ? 1 : 0.01
    for (let at = 0; at < byteLength(tensor); at += 4) bytes.writeFloatLE(value, at)
    return bytes
  }
  randomFillSync(bytes, 0, byteLength(tensor))
  // Scales of 0.0039 to 0.0058 as float16: finite, and weights of about 0.02.
  for (let at = 0; at < byteLength(tensor); at += blockBytes)
    bytes.writeUInt16LE(0x1c00 + (bytes.readUInt16LE(at) & 0x1ff), at)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value)
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uint64(bytes.length), bytes])
}
