import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { fitIds, promptBytes, refuseOversized } from './fit-prompt.ts'
import { readGenerationDefaults } from './generation-defaults.ts'
import { decodeIds, IncrementalDecoder } from './incremental-decoder.ts'
import { grammarOf } from './reply-grammar.ts'
import type { TextModel } from './text-service.ts'
import { TokenTable } from './token-table.ts'
import type { TaskResult, TextFacts, TextTask } from './worker-protocol.ts'

/** Runs a task where the tokenizer is. `bytes` is the size of its texts. */
export type RunTask = (task: TextTask, bytes: number, signal: AbortSignal) => Promise<TaskResult>

/**
 * Main's half of a model's text side.
 * @throws SwitchboardError model_corrupt when generation_config.json is no JSON object.
 */
export function createTextModel(facts: TextFacts, run: RunTask): TextModel {
  const { maxTokenBytes, packedVocabulary, endId } = facts
  const table = new TokenTable(facts.table)
  const defaults = readGenerationDefaults(facts.generationConfig)
  const stopIds = [...new Set([...defaults.stopIds, ...(endId === null ? [] : [endId])])]
  return {
    vocabularySize: table.size,
    defaults,
    stopIds,
    packedVocabulary,
    async prompt(input, limits, signal) {
      refuseIfAborted(signal)
      if (input.kind === 'ids') return fitIds(input.ids, table.size, limits)
      refuseOversized(input, maxTokenBytes, limits)
      const { ids, ...rest } = await run({ kind: 'prompt', input, limits }, promptBytes(input), signal)
      return { ids: toArray(ids), ...rest }
    },
    // Wires shapes together without looking into them: 0.4 ms for a megabyte of shapes, which take 100 ms to be sent to
    // the worker and back. When rules are compiled in the worker, this becomes a task of its own.
    async grammar(structure, signal) {
      refuseIfAborted(signal)
      return grammarOf(structure)
    },
    decoder: (options) => new IncrementalDecoder(table, options),
    decode: (ids) => decodeIds(table, ids),
    bytes: (id) => table.bytes(id),
  }
}

/** Several times as fast as Array.from, which blocks main for 16 ms with the ids of a megabyte. */
function toArray(ids: Uint32Array): readonly number[] {
  const array: number[] = []
  array.length = ids.length
  for (let index = 0; index < ids.length; index += 1) array[index] = ids[index] ?? 0
  return array
}

function refuseIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new SwitchboardError('cancelled', 'The request was stopped.', { cause: signal.reason })
}
