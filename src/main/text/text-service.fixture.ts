import { readTextFacts, runTask } from './text-facts.ts'
import { createTextModel } from './text-model.ts'
import type { TextService } from './text-service.ts'
import { loadTokenizer } from './tokenizer.ts'

/** The text service without a worker, a watchdog or a cache: for tests that open many models. */
export function inThreadTextService(): TextService {
  const open: TextService['open'] = async (directory) => {
    const tokenizer = loadTokenizer(directory)
    return createTextModel(readTextFacts(directory, tokenizer), async (task) => runTask(tokenizer, task))
  }
  return {
    open,
    async check(directory) {
      await open(directory, '')
    },
    async dispose() {
      // Holds nothing.
    },
  }
}
