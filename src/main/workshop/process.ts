/**
 * The tool process, one per job: it receives a job, sends progress and one result, and ends. It has no database, no keys
 * and no network, so that a hostile file finds nothing of value.
 */
import type { ToolEvent, ToolJob } from '../../shared/contracts/jobs.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { connectToParent } from '../platform/port.ts'
import { runJob } from './run-job.ts'
import { throttleProgress } from './throttle-progress.ts'

const port = connectToParent<ToolJob, ToolEvent>()
let started = false

// the parent is gone; the next start removes the staging folder
port.onClose(() => process.exit(1))

port.onMessage((job) => {
  if (started) return
  started = true
  const progress = throttleProgress(
    (fraction, step) => port.send({ kind: 'progress', fraction, step }),
    () => performance.now(),
  )
  runJob(job, progress)
    .then((result) => port.send({ kind: 'result', result }))
    .catch((failure: unknown) => {
      // the wire carries no stack trace, so it goes to the log
      if (!(failure instanceof SwitchboardError))
        process.stderr.write(`${failure instanceof Error ? failure.stack : String(failure)}\n`)
      port.send({ kind: 'failed', error: serialise(failure) })
    })
    .finally(() => port.exit(0))
})
