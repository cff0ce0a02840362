import { assertNever } from '../../shared/base/assert-never.ts'
import type { ToolJob, ToolResult } from '../../shared/contracts/jobs.ts'
import type { OnProgress } from '../platform/long-task.ts'
import { buildGraph } from './build.ts'
import { inspectModel } from './inspect.ts'

/** Runs one job. @throws SwitchboardError as {@link buildGraph} and {@link inspectModel} do. */
export async function runJob(job: ToolJob, progress: OnProgress): Promise<ToolResult> {
  switch (job.kind) {
    case 'inspect':
      return { kind: 'inspected', model: await inspectModel(job.source) }
    case 'build':
      return { kind: 'built', description: await buildGraph(job, progress) }
    default:
      return assertNever(job, 'runJob')
  }
}
