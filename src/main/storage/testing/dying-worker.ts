/** Stands in for the storage worker: answers, says nothing or dies, as the operation asks. */
import { parentPort } from 'node:worker_threads'
import type { FromWorker, ToWorker } from '../worker-wire.ts'

const send = (message: FromWorker): void => parentPort?.postMessage(message)

parentPort?.on('message', (message: ToWorker) => {
  if (message.kind === 'open') send({ kind: 'opened', sqliteVersion: '0' })
  else if (message.kind === 'close') parentPort?.close()
  else if (message.operation.method === 'die') throw new Error('as asked')
  else if (message.operation.method === 'answer')
    send({ kind: 'outcomes', outcomes: [{ id: message.id, kind: 'done', value: 'answered', changes: [] }] })
})
