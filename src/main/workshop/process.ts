/**
 * The tool process, one a job: a job comes in, progress and one result go out, the process ends. It has no database, no
 * keys and no network use, so that a hostile file meets nothing worth having.
 */
import type { ToolEvent, ToolJob } from '../../shared/contracts/jobs.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { connectToParent } from '../platform/port.ts'
import { runJob } from './run-job.ts'
import { throttleProgress } from './throttle-progress.ts'

const port = connectToParent<ToolJob, ToolEvent>()
let started = false

// nobody is left to hear a result; what is half written lies in a staging folder that the next start removes
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
      // the wire carries no stack; whoever reads the log needs it
      if (!(failure instanceof SwitchboardError))
        process.stderr.write(`${failure instanceof Error ? failure.stack : String(failure)}\n`)
      port.send({ kind: 'failed', error: serialise(failure) })
    })
    .finally(() => port.exit(0))
})
