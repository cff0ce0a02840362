import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SwitchboardError } from '../../../../shared/errors/switchboard-error.ts'
import { readArchitecture } from './registry.ts'

const llama = {
  model_type: 'llama',
  vocab_size: 1000,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  max_position_embeddings: 512,
}
const read = (config: object) => readArchitecture(JSON.stringify(config))

test('llama with the defaults of its configuration class', () => {
  expect(read(llama)).toEqual({
    family: 'llama',
    layers: 2,
    hiddenSize: 64,
    heads: 4,
    kvHeads: 4,
    headDim: 16,
    intermediateSize: 128,
    vocabularySize: 1000,
    maxPositions: 512,
    normEpsilon: 1e-6,
    rope: { kind: 'default', theta: 10_000 },
    tiedHead: false,
    qkvBias: false,
    outputBias: false,
    mlpBias: false,
  })
})

test('qwen2 as published for 2.5-0.5B-Instruct', () => {
  const config = {
    architectures: ['Qwen2ForCausalLM'],
    attention_dropout: 0,
    bos_token_id: 151643,
    eos_token_id: 151645,
    hidden_act: 'silu',
    hidden_size: 896,
    initializer_range: 0.02,
    intermediate_size: 4864,
    max_position_embeddings: 32768,
    max_window_layers: 21,
    model_type: 'qwen2',
    num_attention_heads: 14,
    num_hidden_layers: 24,
    num_key_value_heads: 2,
    rms_norm_eps: 1e-6,
    rope_theta: 1000000,
    sliding_window: 32768,
    tie_word_embeddings: true,
    torch_dtype: 'bfloat16',
    use_cache: true,
    use_sliding_window: false,
    vocab_size: 151936,
  }
  expect(read(config)).toMatchObject({
    family: 'qwen2',
    kvHeads: 2,
    headDim: 64,
    tiedHead: true,
    qkvBias: true,
    outputBias: false,
    rope: { kind: 'default', theta: 1e6 },
  })
})

test('rope in both generations of configurations', () => {
  const scaling = {
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 128,
    rope_type: 'llama3',
  }
  const scheme = {
    kind: 'llama3',
    theta: 5e5,
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositions: 128,
  }
  expect(read({ ...llama, rope_theta: 5e5, rope_scaling: scaling }).rope).toEqual(scheme)
  expect(read({ ...llama, rope_parameters: { ...scaling, rope_theta: 5e5 } }).rope).toEqual(scheme)
  expect(read({ ...llama, rope_scaling: { type: 'linear', factor: 2 } }).rope).toEqual({
    kind: 'linear',
    theta: 10_000,
    factor: 2,
  })
})

describe('refuses what it would compute wrongly, naming the field', () => {
  const cases: readonly (readonly [object, string])[] = [
    [{ model_type: 'gpt2' }, 'model_type'],
    [{ hidden_act: 'gelu' }, 'hidden_act'],
    [{ rope_scaling: { rope_type: 'dynamic', factor: 2 } }, 'rope_scaling.rope_type'],
    [{ rope_parameters: { rope_type: 'yarn', factor: 2 } }, 'rope_parameters.rope_type'],
    [{ rope_scaling: { type: 'linear' } }, 'rope_scaling.factor'],
    [{ partial_rotary_factor: 0.5 }, 'partial_rotary_factor'],
    [{ num_key_value_heads: 3 }, 'num_key_value_heads'],
    [{ head_dim: 20 }, 'head_dim'],
    [{ quantization_config: { quant_method: 'gptq' } }, 'quantization_config'],
    [{ model_type: 'qwen2', use_sliding_window: true, sliding_window: 128, max_window_layers: 0 }, 'sliding_window'],
    [
      { model_type: 'qwen2', sliding_window: 128, layer_types: ['full_attention', 'sliding_attention'] },
      'sliding_window',
    ],
  ]
  test.each(cases)('%j', (change, field) => {
    expect(() => read({ ...llama, ...change })).toThrow(
      expect.objectContaining({ code: 'model_unsupported', details: expect.objectContaining({ field }) }),
    )
  })

  test.each([
    { use_sliding_window: true, sliding_window: 512, max_window_layers: 0 },
    { use_sliding_window: true, sliding_window: 128, max_window_layers: 2 },
    { use_sliding_window: false, sliding_window: 128, max_window_layers: 0 },
  ])('but not a window that changes nothing: %j', (change) => {
    expect(read({ ...llama, ...change, model_type: 'qwen2' }).family).toBe('qwen2')
  })

  test.each(['{', '[]', 'null', '{}', '"x"', '['.repeat(100_000)])('%# text that is no configuration', (text) => {
    expect(() => readArchitecture(text)).toThrow(expect.objectContaining({ code: 'model_corrupt' }))
  })

  test.each([
    { hidden_size: -1 },
    { num_hidden_layers: 1e9 },
    { vocab_size: '5' },
    { rms_norm_eps: 0 },
    { intermediate_size: 1.5 },
  ])('a field that cannot be: %j', (change) => {
    expect(() => read({ ...llama, ...change })).toThrow(
      expect.objectContaining({
        code: 'model_incompatible',
        details: expect.objectContaining({ field: Object.keys(change)[0] }),
      }),
    )
  })
})

test('a context longer than any cache is cut, so that no table outgrows the disk', () => {
  expect(read({ ...llama, max_position_embeddings: 2 ** 31 - 1 }).maxPositions).toBe(131_072)
})

test('whatever the fields hold, an architecture comes out or an error with a code', () => {
  const field = fc.constantFrom(
    ...Object.keys(llama),
    'rope_scaling',
    'rope_parameters',
    'head_dim',
    'layer_types',
    'sliding_window',
    'tie_word_embeddings',
    'rope_theta',
    'rms_norm_eps',
    'num_key_value_heads',
  )
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(
      0,
      1,
      16,
      2 ** 31 - 1,
      1e308,
      'llama3',
      { rope_type: 'llama3', factor: 8 },
      { rope_type: 'linear', factor: 1e-300 },
    ),
  )
  fc.assert(
    fc.property(fc.dictionary(field, value, { maxKeys: 4 }), fc.constantFrom('llama', 'qwen2'), (change, family) => {
      try {
        const { heads, kvHeads, headDim, maxPositions } = read({ ...llama, model_type: family, ...change })
        expect([heads % kvHeads, headDim % 16, maxPositions <= 131_072]).toEqual([0, 0, true])
      } catch (failure) {
        if (!(failure instanceof SwitchboardError)) throw failure
      }
    }),
    { numRuns: 2000 },
  )
})
