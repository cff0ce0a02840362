import type { GraphDescription } from '../../shared/contracts/graph.ts'
import type { InspectedModel } from '../../shared/contracts/jobs.ts'
import type { Precision } from '../../shared/domain/generation.ts'

/** Called with the fraction done, 0 to 1, and what is being done in plain words. */
export type OnProgress = (fraction: number, step: string) => void

export interface LongTask {
  readonly onProgress?: OnProgress
  readonly signal?: AbortSignal
}

/** What the catalog has done elsewhere, in a process of its own. Implemented over jobs by the composition root. */
export interface Workshop {
  inspect(source: string, task: LongTask): Promise<InspectedModel>
  build(
    job: { readonly source: string; readonly target: string; readonly precision: Precision },
    task: LongTask,
  ): Promise<GraphDescription>
}
