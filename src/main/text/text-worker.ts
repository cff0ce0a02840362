/**
 * Entry of a text worker: a thread that holds the tokenizer and the chat template of one model. Both come from
 * untrusted files and may run without end: main watches this thread and ends it (text-lane.ts).
 */
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { fitPrompt } from './fit-prompt.ts'
import { readOptionalText } from './tokenizer-json.ts'
import { loadTokenizer, type Tokenizer } from './tokenizer.ts'
import type { Failure, TextFacts, TextTask, WorkerReport, WorkerSetup } from './worker-protocol.ts'

/** Of generation_config.json, which main parses. Good files take a few hundred. */
const MAX_CONFIG_BYTES = 65_536

const { directory } = workerData as WorkerSetup

function report(content: WorkerReport, transfer: readonly ArrayBuffer[] = []): void {
  parentPort?.postMessage(content, transfer)
}

function failureOf(thrown: unknown): Failure {
  return {
    error: thrown instanceof SwitchboardError ? serialise(thrown) : null,
    stack: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
  }
}

function factsOf(tokenizer: Tokenizer): TextFacts {
  return {
    table: tokenizer.table.data,
    maxTokenBytes: tokenizer.maxTokenBytes,
    packedVocabulary: Buffer.from(tokenizer.packedBytes()).toString('base64'),
    endId: tokenizer.endId,
    generationConfig: readOptionalText(join(directory, 'generation_config.json'), MAX_CONFIG_BYTES, 'model_corrupt'),
  }
}

function serve(tokenizer: Tokenizer): void {
  parentPort?.on('message', ({ input, limits }: TextTask) => {
    try {
      const { ids, maxTokens, truncated } = fitPrompt(tokenizer, input, limits)
      const packed = Uint32Array.from(ids)
      report({ kind: 'done', result: { ids: packed, maxTokens, truncated } }, [packed.buffer])
    } catch (thrown) {
      report({ kind: 'failed', failure: failureOf(thrown) })
    }
  })
}

try {
  const tokenizer = loadTokenizer(directory, (step) => report({ kind: 'step', step }))
  const facts = factsOf(tokenizer)
  const { bytes, ends, special } = facts.table
  report({ kind: 'loaded', facts }, [bytes.buffer, ends.buffer, special.buffer])
  serve(tokenizer)
} catch (thrown) {
  report({ kind: 'loadFailed', failure: failureOf(thrown) })
}
