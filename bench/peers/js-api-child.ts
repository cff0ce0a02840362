/**
 * The JavaScript API of onnxruntime-node, used as transformers.js uses it: keys and values are
 * outputs of one call and inputs of the next, and grow by one token. It runs the same graph as Switchboard.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { join } from 'node:path'
import { graphFiles, graphInputs, graphOutputs } from '../../src/shared/contracts/graph.ts'
import { servePeer } from './peer-process.ts'
import type { ModelShape } from './shape.ts'
import type { TokenTimes } from './token-times.ts'

export interface JsApiOptions {
  readonly graph: string
  readonly shape: ModelShape
  readonly threads: number
}

const { graph, shape, threads } = JSON.parse(process.argv[2] ?? '{}') as JsApiOptions
// Suppresses a warning per step about output lengths: in the graph past and present have one length, for shared
// buffers.
const session = await InferenceSession.create(join(graph, graphFiles.float32), {
  intraOpNumThreads: threads,
  executionProviders: ['cpu'],
  logSeverityLevel: 3,
})

const int64 = (values: readonly number[], dimensions: readonly number[]): Tensor =>
  new Tensor('int64', BigInt64Array.from(values, BigInt), dimensions)
const int32 = (value: number): Tensor => new Tensor('int32', Int32Array.of(value), [1])

async function reply(prompt: readonly number[], tokens: number): Promise<TokenTimes> {
  const tokenMs: number[] = []
  let past: Record<string, Tensor> = {}
  for (let layer = 0; layer < shape.layers; layer += 1) {
    for (const name of [graphInputs.pastKey(layer), graphInputs.pastValue(layer)])
      past[name] = new Tensor('float32', new Float32Array(0), [1, shape.kvHeads, 0, shape.headDim])
  }
  let total = 0
  let ids = prompt
  const startedMs = performance.now()
  while (tokenMs.length < tokens) {
    total += ids.length
    const results = await session.run({
      ...past,
      [graphInputs.inputIds]: int64(ids, [1, ids.length]),
      [graphInputs.seqlensK]: int32(total - 1),
      [graphInputs.totalSequenceLength]: int32(total),
      [graphInputs.logitRows]: int64([ids.length - 1], [1]),
    })
    past = {}
    for (let layer = 0; layer < shape.layers; layer += 1) {
      past[graphInputs.pastKey(layer)] = results[graphOutputs.presentKey(layer)] as Tensor
      past[graphInputs.pastValue(layer)] = results[graphOutputs.presentValue(layer)] as Tensor
    }
    ids = [best((results[graphOutputs.logits] as Tensor).data as Float32Array)]
    tokenMs.push(performance.now())
  }
  return { startedMs, tokenMs }
}

function best(logits: Float32Array): number {
  let highest = 0
  for (let id = 1; id < logits.length; id += 1) if (logits[id]! > logits[highest]!) highest = id
  return highest
}

servePeer(async ({ prompts, tokens }) => {
  const replies: TokenTimes[] = []
  for (const prompt of prompts) replies.push(await reply(prompt, tokens))
  return replies
})
