import { cp, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const fixtures = join(import.meta.dirname, '../engine-tests/fixtures')

/** For tests: a writable copy of a tiny checkpoint with a tokenizer that fits, in a new temporary folder. */
export async function makeTestModel(
  fixture: 'llama-untied' | 'llama-linear-rope' | 'qwen2-tied' = 'llama-linear-rope',
): Promise<string> {
  const directory = join(await mkdtemp(join(tmpdir(), 'switchboard-model-')), 'hf')
  await cp(join(fixtures, fixture), directory, { recursive: true, filter: (path) => !path.includes('expected.') })
  const { vocab_size: size } = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8')) as {
    vocab_size: number
  }
  const vocab = Object.fromEntries(Array.from({ length: size - 1 }, (_, id) => [`t${id}`, id]))
  await writeJson(directory, 'tokenizer.json', {
    model: { type: 'BPE', vocab, merges: [] },
    added_tokens: [{ id: size - 1, content: '<end>' }],
  })
  await writeJson(directory, 'tokenizer_config.json', { eos_token: '<end>' })
  await writeFile(join(directory, 'LICENSE'), 'Do as you like.\n')
  return directory
}

export async function writeJson(directory: string, name: string, value: unknown): Promise<void> {
  await writeFile(join(directory, name), JSON.stringify(value))
}

/** Changes top-level fields of a JSON file. */
export async function changeJson(directory: string, name: string, change: object): Promise<void> {
  const value = JSON.parse(await readFile(join(directory, name), 'utf8')) as object
  await writeJson(directory, name, { ...value, ...change })
}
