import { TextLane } from './text-lane.ts'
import { createTextModel } from './text-model.ts'
import type { TextModel, TextService } from './text-service.ts'

/** Models kept loaded: tokenizers of large vocabularies take up to 200 MB each. */
const MAX_MODELS = 3
/** Largest prompt of the short lane, bytes: encoding it takes up to 50 ms with the slowest tokenizers. */
const MAX_SHORT_BYTES = 16_384
/** How long the workers of long prompts and of models no longer cached stay without work, ms. */
const IDLE_MS = 60_000

export interface TextServiceOptions {
  /** Path of the worker's script: text-worker.ts, or the bundled file. */
  readonly workerEntry: string
}

/** The text side of one model, and the worker thread that is always kept for it. */
interface Entry {
  readonly model: Promise<TextModel>
  readonly short: TextLane
}

/**
 * Each model has a worker thread of its own, so that loading one model, or a faulty file of it, delays no other. Long
 * prompts run in a second worker, started for the first long prompt and ended after a minute without one. Short prompts
 * therefore wait for short prompts alone. The price: the first long prompt loads the tokenizer again, and it is in
 * memory twice while long prompts come.
 */
export function createTextService({ workerEntry }: TextServiceOptions): TextService {
  /** By content and folder, the most recently used last. */
  const entries = new Map<string, Entry>()
  const running = new Set<TextLane>()
  const closing = new AbortController()
  const openLane = (directory: string, idleMs: number): TextLane =>
    new TextLane({ workerEntry, directory, idleMs, running, closing: closing.signal })
  const openEntry = (directory: string): Entry => {
    const short = openLane(directory, Infinity)
    const long = openLane(directory, IDLE_MS)
    return { model: loadModel(short, long), short }
  }

  return {
    async open(directory, contentHash) {
      const key = `${contentHash} ${directory}`
      const entry = entries.get(key) ?? openEntry(directory)
      entries.delete(key)
      entries.set(key, entry)
      for (const [oldest, { short }] of entries) {
        if (entries.size <= MAX_MODELS) break
        entries.delete(oldest)
        // Callers that still hold the model can go on using it.
        short.keepFor(IDLE_MS)
      }
      try {
        return await entry.model
      } catch (thrown) {
        if (entries.get(key) === entry) entries.delete(key)
        await entry.short.dispose()
        throw thrown
      }
    },
    async check(directory) {
      const lane = openLane(directory, Infinity)
      try {
        await loadModel(lane, lane)
      } finally {
        await lane.dispose()
      }
    },
    async dispose() {
      closing.abort()
      entries.clear()
      await Promise.all([...running].map((lane) => lane.dispose()))
    },
  }
}

/** @throws SwitchboardError model_corrupt, tokenizer_invalid, template_invalid, draining. */
async function loadModel(short: TextLane, long: TextLane): Promise<TextModel> {
  return createTextModel(await short.load(), (task, bytes, signal) =>
    (bytes <= MAX_SHORT_BYTES ? short : long).run(task, bytes, signal),
  )
}
