import type { DraftCounts } from '../../../shared/contracts/engine.ts'
import type { StepCosts } from '../costs/step-costs.ts'
import { PromptLookup } from './prompt-lookup.ts'

/** Lengths of drafts: runs of 2, 4 and 8 tokens. Few, so that each is measured soon and its bindings stay cached. */
const DRAFT_LENGTHS = [1, 3, 7] as const

/**
 * Replies that may draft in one step. Each draft is a run of its own, which reads all weights again, because
 * GroupQueryAttention takes several new tokens for one row only.
 */
const MAX_DRAFTING = 2

/** Tokens that must match an earlier passage before its continuation is proposed. */
const MIN_MATCH = 3

/** Share of matches expected to continue before a reply has shown any. */
const ASSUMED_AGREEMENT = 0.8

/** Weight of the newest token in the agreement of a reply, so that it follows a change from quoting to free text. */
const NEWEST = 0.1

/**
 * Drafts of a lone reply turned down as too expensive, after which one is tried all the same: only a run shows that its
 * cost has fallen.
 */
const RETRY_AFTER = 256

/** Tokens per time must rise by this factor: smaller gains are within the noise of the measured times. */
const MIN_GAIN = 1.05

interface Reply {
  readonly lookup: PromptLookup
  /** Tokens that prompt and reply may reach together. */
  readonly capacity: number
  length: number
  /** Running share of proposed tokens that were the drawn ones. */
  agreement: number
  proposed: number
  accepted: number
}

interface Candidate {
  readonly draft: readonly number[]
  /** Expected tokens of the run, the one drawn behind the draft included. */
  readonly tokens: number
  readonly ms: number
}

/** Speculative decoding of all running replies: follows their tokens, proposes drafts, counts what was accepted. */
export class Speculator {
  readonly #maxDraft: number
  readonly #costs: StepCosts
  readonly #replies = new Map<string, Reply>()
  #declined = 0

  /** @param maxDraft tokens of the longest draft that the runner takes. */
  constructor(maxDraft: number, costs: StepCosts) {
    this.#maxDraft = Math.min(maxDraft, Math.max(...DRAFT_LENGTHS))
    this.#costs = costs
  }

  /** A reply that decodes from now on. */
  begin(requestId: string, promptIds: readonly number[], maxTokens: number): void {
    const capacity = promptIds.length + maxTokens
    this.#replies.set(requestId, {
      lookup: new PromptLookup(promptIds, capacity),
      capacity,
      length: promptIds.length,
      agreement: ASSUMED_AGREEMENT,
      proposed: 0,
      accepted: 0,
    })
  }

  /** A token was drawn, with or without a draft; so a reply that stopped drafting is seen to quote again. */
  observe(requestId: string, token: number): void {
    const reply = this.#replies.get(requestId)
    if (reply === undefined) return
    const { lookup } = reply
    if (lookup.matchLength >= MIN_MATCH)
      reply.agreement += NEWEST * ((lookup.expected === token ? 1 : 0) - reply.agreement)
    lookup.add(token)
    reply.length += 1
  }

  /**
   * Drafts for the replies of a step: for all of them or for none, so that no reply waits for the draft of another.
   * @param decoding ids of the requests that get a token.
   * @param fitting length of the beginning of a draft that can follow in its reply at all (grammar).
   */
  propose(
    decoding: readonly string[],
    fitting: (requestId: string, draft: readonly number[]) => number,
  ): ReadonlyMap<string, readonly number[]> {
    const drafts = new Map<string, readonly number[]>()
    if (decoding.length > MAX_DRAFTING) return drafts
    let tokens = Number.POSITIVE_INFINITY
    let ms = 0
    for (const requestId of decoding) {
      const best = this.#best(requestId, fitting)
      if (best === null) return new Map()
      drafts.set(requestId, best.draft)
      tokens = Math.min(tokens, best.tokens)
      ms += best.ms
    }
    // Compared with a plain step, which gives every reply one token.
    const pays = tokens * this.#costs.decode(decoding.length) > MIN_GAIN * ms
    this.#declined = pays || decoding.length > 1 ? 0 : this.#declined + 1
    if (!pays && this.#declined < RETRY_AFTER) return new Map()
    this.#declined = 0
    return drafts
  }

  /** The draft of one reply that is expected to give most tokens per time; null without a match. */
  #best(requestId: string, fitting: (requestId: string, draft: readonly number[]) => number): Candidate | null {
    const reply = this.#replies.get(requestId)
    if (reply === undefined || reply.lookup.matchLength < MIN_MATCH) return null
    // One token of the limit is left for the one drawn after the draft.
    const room = Math.min(reply.capacity - reply.length - 1, this.#maxDraft)
    if (room < 1) return null
    const proposed = [...reply.lookup.propose(room)]
    const max = fitting(requestId, proposed)
    let best: Candidate | null = null
    for (const length of DRAFT_LENGTHS) {
      if (length > max) break
      const draft = proposed.slice(0, length)
      const candidate = { draft, tokens: expectedTokens(reply.agreement, length), ms: this.#costs.verify(length + 1) }
      if (best === null || candidate.tokens / candidate.ms > best.tokens / best.ms) best = candidate
    }
    return best
  }

  /** Counts the outcome of a draft. */
  record(requestId: string, proposed: number, accepted: number): void {
    const reply = this.#replies.get(requestId)
    if (reply === undefined) return
    reply.proposed += proposed
    reply.accepted += accepted
  }

  /** Forgets a reply; null when nothing was proposed for it. */
  end(requestId: string): DraftCounts | null {
    const reply = this.#replies.get(requestId)
    this.#replies.delete(requestId)
    return reply === undefined || reply.proposed === 0 ? null : { proposed: reply.proposed, accepted: reply.accepted }
  }
}

/** Tokens that a run over a draft gives on average: those accepted in a row, and one drawn behind them. */
function expectedTokens(agreement: number, draft: number): number {
  let tokens = 1
  for (let index = 1; index <= draft; index += 1) tokens += agreement ** index
  return tokens
}
