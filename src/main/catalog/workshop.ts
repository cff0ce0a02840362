import type { GraphDescription } from '../../shared/contracts/graph.ts'
import type { InspectedModel } from '../../shared/contracts/jobs.ts'
import type { Precision } from '../../shared/domain/generation.ts'
import type { LongTask } from '../platform/long-task.ts'

/** Work the catalog delegates to a tool process. Implemented with jobs by the composition root. */
export interface Workshop {
  inspect(source: string, task: LongTask): Promise<InspectedModel>
  build(
    job: { readonly source: string; readonly target: string; readonly precision: Precision },
    task: LongTask,
  ): Promise<GraphDescription>
}
