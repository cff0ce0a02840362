import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EngineModel } from '../../shared/contracts/engine.ts'
import type { Precision } from '../../shared/domain/generation.ts'
import { buildGraph } from '../workshop/build.ts'

export interface RandomModelShape {
  readonly hiddenSize: number
  readonly layers: number
  readonly heads: number
  readonly kvHeads: number
  readonly vocabularySize: number
  readonly maxPositions: number
  /** Weight of the last normalisation; close to the float32 maximum, the logits overflow. */
  readonly lastNorm: number
}

const small: RandomModelShape = {
  hiddenSize: 64,
  layers: 2,
  heads: 4,
  kvHeads: 2,
  vocabularySize: 256,
  maxPositions: 8192,
  lastNorm: 1,
}

export interface BuiltModel {
  readonly graphDirectory: string
  remove(): Promise<void>
}

/**
 * A graph of fixed pseudo-random weights in a temporary folder: fast, deterministic, and long enough to be interrupted.
 */
export async function buildRandomModel(
  changes: Partial<RandomModelShape> = {},
  precision: Precision = 'fp32',
): Promise<BuiltModel> {
  const root = await mkdtemp(join(tmpdir(), 'switchboard-engine-'))
  const source = join(root, 'source')
  await mkdir(source)
  await writeCheckpoint(source, { ...small, ...changes })
  const graphDirectory = join(root, 'graph')
  await buildGraph({ kind: 'build', source, target: graphDirectory, precision }, () => undefined)
  return { graphDirectory, remove: () => rm(root, { recursive: true, force: true }) }
}

/** An engine model over a built graph with limits for tests. */
export function testModel(graphDirectory: string, limits: Partial<EngineModel['limits']> = {}): EngineModel {
  return {
    name: 'test',
    graphDirectory,
    policy: { prefer: 'cpu', allowCpu: true },
    limits: { slots: 4, contextLength: 8192, queueRequests: 8, queueTokens: 8192, prefillChunk: 32, ...limits },
    threads: 1,
  }
}

interface Constant {
  readonly all: number
}

async function writeCheckpoint(
  directory: string,
  { hiddenSize, layers, heads, kvHeads, vocabularySize, maxPositions, lastNorm }: RandomModelShape,
): Promise<void> {
  const intermediate = hiddenSize * 2
  const kvSize = (hiddenSize / heads) * kvHeads
  const tensors: { name: string; shape: number[]; scale: number | Constant }[] = [
    { name: 'model.embed_tokens.weight', shape: [vocabularySize, hiddenSize], scale: 1 },
  ]
  for (let layer = 0; layer < layers; layer += 1) {
    const add = (name: string, shape: number[], scale: number | Constant) =>
      tensors.push({ name: `model.layers.${layer}.${name}`, shape, scale })
    add('input_layernorm.weight', [hiddenSize], { all: 1 })
    add('post_attention_layernorm.weight', [hiddenSize], { all: 1 })
    for (const [name, size] of [
      ['q', hiddenSize],
      ['k', kvSize],
      ['v', kvSize],
    ] as const) {
      add(`self_attn.${name}_proj.weight`, [size, hiddenSize], 0.4)
      add(`self_attn.${name}_proj.bias`, [size], 0.1)
    }
    add('self_attn.o_proj.weight', [hiddenSize, hiddenSize], 0.4)
    add('mlp.gate_proj.weight', [intermediate, hiddenSize], 0.4)
    add('mlp.up_proj.weight', [intermediate, hiddenSize], 0.4)
    add('mlp.down_proj.weight', [hiddenSize, intermediate], 0.4)
  }
  tensors.push({ name: 'model.norm.weight', shape: [hiddenSize], scale: { all: lastNorm } })

  let state = 20261120
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return (state >>> 8) / 0x1000000 - 0.5
  }
  const header: Record<string, { dtype: 'F32'; shape: number[]; data_offsets: [number, number] }> = {}
  const parts: Uint8Array[] = []
  let offset = 0
  for (const { name, shape, scale } of tensors) {
    const values = Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () =>
      typeof scale === 'number' ? random() * scale : scale.all,
    )
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + values.byteLength] }
    parts.push(new Uint8Array(values.buffer))
    offset += values.byteLength
  }
  const text = JSON.stringify(header)
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  await writeFile(join(directory, 'model.safetensors'), Buffer.concat([length, padded, ...parts]))
  await writeFile(
    join(directory, 'config.json'),
    JSON.stringify({
      architectures: ['Qwen2ForCausalLM'],
      model_type: 'qwen2',
      hidden_size: hiddenSize,
      intermediate_size: intermediate,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
      vocab_size: vocabularySize,
      max_position_embeddings: maxPositions,
      rms_norm_eps: 1e-6,
      rope_theta: 10000,
      tie_word_embeddings: true,
      hidden_act: 'silu',
      use_sliding_window: false,
    }),
  )
}
