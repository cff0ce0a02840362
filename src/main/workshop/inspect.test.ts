import { rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { inspectModel } from './inspect.ts'
import { changeJson, makeTestModel, writeJson } from './test-model.ts'

let source: string
beforeEach(async () => {
  source = await makeTestModel()
})
afterEach(() => rm(dirname(source), { recursive: true, force: true }))

test('reports what the folder is and which files belong to it', async () => {
  await writeFile(join(source, 'notes.txt'), 'not part of the model')
  const names = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json', 'LICENSE']
  expect(await inspectModel(source)).toEqual({
    family: 'llama',
    parameters: 19_616,
    layers: 2,
    contextLength: 128,
    vocabularySize: 128,
    files: await Promise.all(names.map(async (name) => ({ name, bytes: (await stat(join(source, name))).size }))),
  })
})

describe('refuses', () => {
  const tokenizer =
    (vocab: unknown, added: readonly object[] = []) =>
    () =>
      writeJson(source, 'tokenizer.json', { model: { vocab }, added_tokens: added })
  const cases: readonly (readonly [string, () => Promise<void>, string])[] = [
    ['a folder without a configuration', () => rm(join(source, 'config.json')), 'not_a_model_folder'],
    ['a folder without weights', () => rm(join(source, 'model.safetensors')), 'not_a_model_folder'],
    ['a folder without a tokenizer', () => rm(join(source, 'tokenizer.json')), 'not_a_model_folder'],
    ['a folder without tokenizer settings', () => rm(join(source, 'tokenizer_config.json')), 'not_a_model_folder'],
    ['a configuration that is no JSON', () => writeFile(join(source, 'config.json'), '{'), 'model_corrupt'],
    ['a configuration of 2 MB', () => writeFile(join(source, 'config.json'), ' '.repeat(2_000_000)), 'model_corrupt'],
    [
      'weights that are a zip file',
      () => writeFile(join(source, 'model.safetensors'), 'PK\u0003\u0004'.repeat(100)),
      'invalid_safetensors',
    ],
    [
      'tokenizer settings that are no UTF-8',
      () => writeFile(join(source, 'tokenizer_config.json'), Uint8Array.of(0x22, 0xff, 0x22)),
      'model_corrupt',
    ],
    ['a vocabulary larger than the embedding', tokenizer({ a: 0, b: 128 }), 'model_incompatible'],
    ['an added token beyond the embedding', tokenizer({ a: 0 }, [{ id: 2 ** 31, content: 'x' }]), 'model_incompatible'],
    [
      'a list of more tokens than the embedding has',
      tokenizer(Array.from({ length: 129 }, (_, id) => [`t${id}`, 0])),
      'model_incompatible',
    ],
    ['an added token without text', tokenizer({ a: 0 }, [{ id: 1, content: '' }]), 'tokenizer_invalid'],
    ['an empty vocabulary', tokenizer({}), 'tokenizer_invalid'],
    ['an id that is no whole number', tokenizer({ a: -1 }), 'tokenizer_invalid'],
    [
      'a tokenizer without a model',
      () => writeJson(source, 'tokenizer.json', { added_tokens: [] }),
      'tokenizer_invalid',
    ],
    ['another family', () => changeJson(source, 'config.json', { model_type: 'mamba' }), 'model_unsupported'],
  ]
  test.each(cases)('%s', async (_, damage, code) => {
    await damage()
    await expect(inspectModel(source)).rejects.toMatchObject({ code })
  })
})
