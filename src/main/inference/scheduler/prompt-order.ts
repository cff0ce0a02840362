import type { Priority } from '../../../shared/domain/generation.ts'

/** Cost of one prompt token. Interactive prompts are cheap, so that they overtake longer ones of programs. */
const TOKEN_COST: Readonly<Record<Priority, number>> = { interactive: 0.25, batch: 1 }

/** A prompt that holds a slot and is not finished. */
export interface Prompt {
  readonly client: string
  readonly priority: Priority
  /** Tokens of the prompt. */
  readonly tokens: number
  /** Tokens computed or reused so far. */
  readonly prefilled: number
  /** Cost of the tokens that overtook it, see {@link passedBy}. */
  readonly passed: number
}

/**
 * The prompt whose chunk runs next: the one with the least cost left, minus what overtook it already ("shortest remaining
 * time first" with aging). So a short prompt does not wait for a long one. A prompt that was overtaken by its own cost
 * goes first. A prompt that runs keeps its lead over those that wait, so that prompts are rarely interleaved.
 * @param prompts in the order in which they got their slots, which decides ties.
 */
export function nextPrompt<Item extends Prompt>(prompts: readonly Item[]): Item | undefined {
  return prompts.reduce<Item | undefined>(
    (best, prompt) => (best === undefined || rank(prompt) < rank(best) ? prompt : best),
    undefined,
  )
}

/**
 * What a chunk of one prompt adds to `passed` of another that waits: its cost if the prompt that ran got its slot later,
 * the negative cost if it is an earlier one of the same client, so that clients take turns.
 */
export function passedBy(waiting: Prompt, ran: Prompt, tokens: number, isLater: boolean): number {
  const cost = TOKEN_COST[ran.priority] * tokens
  if (isLater) return cost
  return ran.client === waiting.client ? -cost : 0
}

function rank({ priority, tokens, prefilled, passed }: Prompt): number {
  const cost = TOKEN_COST[priority]
  return passed >= cost * tokens ? Number.NEGATIVE_INFINITY : cost * (tokens - prefilled) - passed
}
