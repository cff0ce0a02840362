import type { GenerateRequest } from './engine.ts'

/** Sampling that always draws the likeliest token. */
export const greedy = {
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  logitBias: {},
  seed: 1,
} satisfies GenerateRequest['sampling']
