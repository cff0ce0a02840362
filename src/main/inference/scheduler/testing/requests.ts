import type { ChunkBudget } from '../chunk-budget.ts'
import { requestsOf, type Draw, type Ended, type RequestShape, type SchedulerLimits, type StepPlan } from '../plan.ts'
import { Scheduler } from '../scheduler.ts'

export const limits: SchedulerLimits = {
  slots: 2,
  contextLength: 64,
  queueRequests: 2,
  queueTokens: 40,
  prefillChunk: 8,
  scoreChunk: 3,
  maxSpan: 4,
  copiesPrefixes: false,
}
export const TOKEN = 7

type Wish = Partial<RequestShape> & { readonly promptTokens?: number }
export const idsOf = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at)
export const shape = (requestId: string, { promptTokens = 10, ...changes }: Wish = {}): RequestShape => ({
  requestId,
  promptIds: idsOf(promptTokens),
  maxTokens: 4,
  scorePrompt: false,
  cacheKey: null,
  adapters: [],
  client: 'a',
  priority: 'batch',
  ...changes,
})

const unlimited: ChunkBudget = { tokens: () => Number.MAX_SAFE_INTEGER }
export const schedulerOf = (own: SchedulerLimits, budget = unlimited) => new Scheduler(own, budget)
export const anew = { tokens: 0, from: 0 }

export const draw = (requestId: string, outcome: Draw['outcome'] = 'token'): Draw =>
  outcome === 'token' ? { requestId, outcome, token: TOKEN } : { requestId, outcome }
/** Results of a plan in which every sampled request gets this outcome. */
export const drawsOf = (plan: StepPlan, outcome: Draw['outcome'] = 'token'): Draw[] => {
  const sampled = requestsOf({ ...plan, prefill: plan.prefill?.last === true ? plan.prefill : null })
  return sampled.map((requestId) => draw(requestId, outcome))
}
export const must = (plan: StepPlan | null): StepPlan => {
  if (plan === null) throw new Error('there is nothing to run')
  return plan
}

/** Runs one step in which every sampled request gets a token. */
export function step(scheduler: Scheduler, now = 0): { readonly plan: StepPlan; readonly ended: Ended[] } {
  const plan = must(scheduler.plan(now))
  return { plan, ended: scheduler.absorb(plan, drawsOf(plan), now) }
}
