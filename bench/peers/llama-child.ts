/** llama.cpp as used from JavaScript: the prebuilt program of node-llama-cpp, greedy, on the CPU. */
import { servePeer } from './peer-process.ts'
import type { TokenTimes } from './token-times.ts'

export interface LlamaOptions {
  readonly gguf: string
  readonly threads: number
  /** Context length of a single conversation, and of each of many. */
  readonly context: number
  readonly sequences: number
  readonly sequenceContext: number
}

/** The used part of node-llama-cpp, whose own types exist only once the peers are installed. */
interface LlamaSequence {
  evaluate(
    ids: readonly number[],
    options: { readonly temperature: number; readonly yieldEogToken: boolean },
  ): AsyncIterable<number>
  clearHistory(): Promise<void>
}
interface LlamaContext {
  getSequence(): LlamaSequence
}
interface LlamaModel {
  createContext(options: {
    readonly contextSize: number
    readonly batchSize: number
    readonly threads: number
    readonly sequences?: number
    readonly flashAttention: boolean
  }): Promise<LlamaContext>
}
interface LlamaPackage {
  getLlama(options: {
    readonly gpu: false
    readonly build: 'never'
    readonly maxThreads: number
    readonly logLevel: 'error'
  }): Promise<{
    loadModel(options: { readonly modelPath: string; readonly checkTensors: boolean }): Promise<LlamaModel>
  }>
}

const { gguf, threads, context, sequences, sequenceContext } = JSON.parse(process.argv[2] ?? '{}') as LlamaOptions
const packageName = 'node-llama-cpp'
const { getLlama } = (await import(packageName)) as LlamaPackage
const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: 'error' })
const model = await llama.loadModel({ modelPath: gguf, checkTensors: false })
// Flash attention is faster for many sequences and slower for one, so each case uses the faster setting.
const alone = await model.createContext({ contextSize: context, batchSize: 512, threads, flashAttention: false })
const together = await model.createContext({
  contextSize: sequenceContext,
  batchSize: 512,
  threads,
  sequences,
  flashAttention: true,
})
const single = alone.getSequence()
const many = Array.from({ length: sequences }, () => together.getSequence())

async function reply(sequence: LlamaSequence, ids: readonly number[], tokens: number): Promise<TokenTimes> {
  const tokenMs: number[] = []
  const startedMs = performance.now()
  for await (const _ of sequence.evaluate(ids, { temperature: 0, yieldEogToken: true })) {
    tokenMs.push(performance.now())
    if (tokenMs.length >= tokens) break
  }
  if (tokenMs.length < tokens) throw new RangeError(`llama.cpp ended after ${tokenMs.length} of ${tokens} tokens`)
  return { startedMs, tokenMs }
}

servePeer(async ({ prompts, tokens }) => {
  const used = prompts.length === 1 ? [single] : many.slice(0, prompts.length)
  // Clears the sequence, so that no prefix is reused.
  for (const sequence of used) await sequence.clearHistory()
  return await Promise.all(prompts.map((ids, index) => reply(used[index]!, ids, tokens)))
})
