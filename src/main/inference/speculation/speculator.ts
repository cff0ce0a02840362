import type { DraftCounts } from '../../../shared/contracts/engine.ts'
import type { StepCosts } from '../costs/step-costs.ts'
import { Acceptance } from './acceptance.ts'
import { DraftPolicy, type Candidate } from './draft-policy.ts'
import { PromptLookup } from './prompt-lookup.ts'

interface Reply {
  readonly lookup: PromptLookup
  readonly acceptance: Acceptance
  /** Tokens that prompt and reply may reach together. */
  readonly capacity: number
  length: number
  proposed: number
  accepted: number
}

/** Speculation of all running replies: follows their tokens, proposes drafts, learns what became of them. */
export class Speculator {
  readonly #policy: DraftPolicy
  readonly #longest: number
  readonly #replies = new Map<string, Reply>()
  /** What replies of this model and its customers do; a new one begins with it, for most are short. */
  readonly #usual = new Acceptance('replies')

  /** @param longestDraft tokens of the longest draft that the runner takes. */
  constructor(longestDraft: number, costs: StepCosts) {
    this.#longest = longestDraft
    this.#policy = new DraftPolicy(longestDraft, costs)
  }

  /** A reply that decodes from now on. */
  begin(requestId: string, promptIds: readonly number[], maxTokens: number): void {
    const capacity = promptIds.length + maxTokens
    this.#replies.set(requestId, {
      lookup: new PromptLookup(promptIds, capacity),
      acceptance: new Acceptance('reply', this.#usual.chances),
      capacity,
      length: promptIds.length,
      proposed: 0,
      accepted: 0,
    })
  }

  /** A token was drawn, speculating or not. */
  observe(requestId: string, token: number): void {
    const reply = this.#replies.get(requestId)
    if (reply === undefined) return
    const { lookup, acceptance } = reply
    if (lookup.matchLength > 0)
      for (const record of [acceptance, this.#usual]) record.record(lookup.matchLength, lookup.expected === token)
    lookup.add(token)
    reply.length += 1
  }

  /**
   * Drafts for some of the replies of a step, by request.
   * @param prefillTokens prompt tokens that run in the same step.
   * @param fitting tokens of a draft that can follow in its reply at all; no draft goes beyond them. Asked only where a
   *   draft
   *   may pay.
   */
  propose(
    decoding: readonly { readonly requestId: string }[],
    prefillTokens: number,
    fitting: (requestId: string, draft: Int32Array) => number,
  ): ReadonlyMap<string, Int32Array> {
    const candidates: Candidate[] = []
    for (const { requestId } of decoding) {
      const reply = this.#replies.get(requestId)
      if (reply === undefined || reply.lookup.matchLength === 0) continue
      const { lookup, acceptance } = reply
      // One token of the limit is left for the one that is drawn after the draft.
      const room = Math.min(reply.capacity - reply.length - 1, this.#longest)
      candidates.push({
        requestId,
        get most() {
          return room < 1 ? 0 : fitting(requestId, lookup.propose(room))
        },
        expectedTokens: (draft) => acceptance.expectedTokens(lookup.matchLength, draft),
      })
    }
    const drafts = new Map<string, Int32Array>()
    for (const { requestId, length } of this.#policy.choose(candidates, { decoding: decoding.length, prefillTokens })) {
      const reply = this.#replies.get(requestId)
      if (reply === undefined) continue
      reply.proposed += length
      drafts.set(requestId, reply.lookup.propose(length))
    }
    return drafts
  }

  /** This many tokens of the last draft were accepted. */
  accept(requestId: string, tokens: number): void {
    const reply = this.#replies.get(requestId)
    if (reply !== undefined) reply.accepted += tokens
  }

  /** Forgets a reply; null when it never speculated. */
  end(requestId: string): DraftCounts | null {
    const reply = this.#replies.get(requestId)
    this.#replies.delete(requestId)
    return reply === undefined || reply.proposed === 0 ? null : { proposed: reply.proposed, accepted: reply.accepted }
  }
}
