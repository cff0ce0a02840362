/** Execution providers as their makers write them. */
export const providerNames = { cuda: 'CUDA', webgpu: 'WebGPU', cpu: 'CPU' } as const
