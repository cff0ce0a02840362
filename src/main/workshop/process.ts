/**
 * The tool process, one per job: it receives a job, sends progress and one result, and ends. It has no database, no keys
 * and no network, so that a hostile file finds nothing of value.
 */
import type { ToolEvent, ToolJob } from '../../shared/contracts/jobs.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { connectToParent } from '../platform/parent-channel.ts'
import { runJob } from './run-job.ts'
import { throttleProgress } from './throttle-progress.ts'

const parent = connectToParent<ToolJob, ToolEvent>()
let started = false

// the parent is gone; the next start removes the staging folder
parent.onClose(() => process.exit(1))

parent.onMessage((job) => {
  if (started) return
  started = true
  const progress = throttleProgress(
    (fraction, step) => parent.send({ kind: 'progress', fraction, step }),
    () => performance.now(),
  )
  runJob(job, progress)
    .then((result) => parent.send({ kind: 'result', result }))
    .catch((failure: unknown) => {
      // the wire carries no stack trace, so it goes to the log
      if (!(failure instanceof SwitchboardError))
        process.stderr.write(`${failure instanceof Error ? failure.stack : String(failure)}\n`)
      parent.send({ kind: 'failed', error: serialise(failure) })
    })
    .finally(() => parent.exit(0))
})
