/**
 * Entry of a text worker: a thread that holds the tokenizer and the chat template of one model. Both come from
 * untrusted files and may run without end: main watches this thread and ends it (text-lane.ts).
 */
import { parentPort, workerData } from 'node:worker_threads'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { readTextFacts, runTask } from './text-facts.ts'
import { loadTokenizer, type Tokenizer } from './tokenizer.ts'
import type { Failure, TextTask, WorkerReport, WorkerSetup } from './worker-protocol.ts'

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

function serve(tokenizer: Tokenizer): void {
  parentPort?.on('message', (task: TextTask) => {
    try {
      const result = runTask(tokenizer, task)
      report({ kind: 'done', result }, [result.ids.buffer])
    } catch (thrown) {
      report({ kind: 'failed', failure: failureOf(thrown) })
    }
  })
}

try {
  const tokenizer = loadTokenizer(directory, (step) => report({ kind: 'step', step }))
  const facts = readTextFacts(directory, tokenizer)
  const { bytes, ends, special } = facts.table
  report({ kind: 'loaded', facts }, [bytes.buffer, ends.buffer, special.buffer])
  serve(tokenizer)
} catch (thrown) {
  report({ kind: 'loadFailed', failure: failureOf(thrown) })
}
