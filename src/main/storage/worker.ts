/**
 * A storage worker: the one writer, or the one reader beside it. Operations come in, outcomes go out. The thread of the
 * callers never waits, whatever the disk or another process does.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { Database } from './database.ts'
import { openDatabase } from './open-database.ts'
import { kindOf, OperationRunner, type Operation } from './operations.ts'
import { errorToWire, toWire, type FromWorker, type ToWorker, type WireError, type WorkerStart } from './worker-wire.ts'

interface Request {
  readonly id: number
  readonly operation: Operation
}

/** Takes requests out of the inbox, runs them and says what came of them. */
type Work = (inbox: Request[]) => Extract<FromWorker, { kind: 'outcomes' }>['outcomes']

function serve(port: MessagePort, database: Database, work: Work): void {
  const send = (message: FromWorker): void => port.postMessage(message)
  let inbox: Request[] = []
  let closing = false
  let scheduled = false

  const turn = (): void => {
    scheduled = false
    if (inbox.length > 0) send({ kind: 'outcomes', outcomes: work(inbox) })
    if (inbox.length > 0) return schedule()
    if (!closing) return
    send({ kind: 'closed', error: shutDown(database) })
    port.close()
  }
  // Not at once: all messages that have arrived come into the inbox first.
  const schedule = (): void => {
    if (!scheduled) setImmediate(turn)
    scheduled = true
  }

  port.on('message', (message: ToWorker) => {
    if (message.kind === 'close') closing = true
    if (message.kind === 'run') inbox.push(message)
    schedule()
  })
  send({ kind: 'opened', sqliteVersion: database.sqliteVersion })
}

function shutDown(database: Database): WireError | null {
  try {
    database.shutDown()
    return null
  } catch (thrown) {
    return errorToWire(thrown)
  }
}

/** Commits all waiting writes together, up to an operation that stands alone. */
const write =
  (runner: OperationRunner): Work =>
  (inbox) => {
    const end = inbox.findIndex(({ operation }) => kindOf(operation) === 'alone')
    const requests = inbox.splice(0, end === -1 ? inbox.length : Math.max(1, end))
    const operations = requests.map(({ operation }) => operation)
    const outcomes = end === 0 ? operations.map((operation) => runner.run(operation)) : runner.runTogether(operations)
    return outcomes.map((outcome, index) => toWire(requests[index]?.id ?? -1, outcome))
  }

/** One read at a time. Lists come last: a search may take long, and the check of a key must not wait behind several. */
const read =
  (runner: OperationRunner): Work =>
  (inbox) => {
    const quick = inbox.findIndex(({ operation }) => operation.method !== 'list')
    return inbox.splice(Math.max(0, quick), 1).map(({ id, operation }) => toWire(id, runner.run(operation)))
  }

function open(port: MessagePort, { role, options }: WorkerStart): void {
  try {
    if (role === 'writer') {
      const { database, runner } = openDatabase(options)
      serve(port, database, write(runner))
    } else {
      const database = new Database(options.path, options)
      database.script('PRAGMA query_only = ON')
      serve(port, database, read(new OperationRunner(database)))
    }
  } catch (thrown) {
    port.postMessage({ kind: 'refused', error: errorToWire(thrown) } satisfies FromWorker)
  }
}

const port = parentPort
if (port === null) throw new Error('this program is started by Switchboard itself')
port.once('message', () => open(port, workerData as WorkerStart))
