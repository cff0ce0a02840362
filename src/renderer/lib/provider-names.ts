import type { Provider } from '../../shared/domain/generation.ts'

/** Execution providers as their makers write them. */
export const providerNames: Readonly<Record<Provider, string>> = { cuda: 'CUDA', webgpu: 'WebGPU', cpu: 'CPU' }
