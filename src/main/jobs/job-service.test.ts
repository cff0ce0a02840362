import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JobInput } from '../../shared/domain/job.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Storage } from '../storage/repositories.ts'
import { openStorage } from '../storage/storage.ts'
import { JobService, type RunJob } from './job-service.ts'

const input: JobInput = { kind: 'import', directory: '/models/tea', model: 'tea', precision: 'int8' }

let folder: string
let storage: Storage
const services: JobService[] = []

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'jobs-'))
  storage = await openStorage({ path: join(folder, 'db'), builtInAssistants: [], workers: false })
})

afterEach(async () => {
  await Promise.all(services.splice(0).map((service) => service.dispose()))
  await storage.dispose()
  rmSync(folder, { recursive: true, force: true })
})

const serviceWith = (run: RunJob, owner = 'this process'): JobService => {
  const service = new JobService({ jobs: storage.jobs, run, owner })
  services.push(service)
  return service
}

/** Work that tells how far it is and ends when it is told to, or is aborted. */
const steered = () => {
  let finish = (_failure?: Error): void => undefined
  let onRun = (): void => undefined
  const runs = new Promise<void>((resolve) => (onRun = resolve))
  const run: RunJob = (_input, { onProgress, signal }) =>
    new Promise((resolve, reject) => {
      finish = (failure) => (failure === undefined ? resolve() : reject(failure))
      signal.addEventListener('abort', () => reject(new SwitchboardError('cancelled', 'stopped')))
      onProgress(0.4, 'Writing the graph')
      onRun()
    })
  return { run, runs, finish: (failure?: Error) => finish(failure) }
}

/** Resolves once the first job is in this state. */
const reaches = (service: JobService, kind: string): Promise<void> =>
  new Promise((resolve) => {
    const look = async (): Promise<void> => {
      if ((await service.list())[0]?.state.kind === kind) resolve()
    }
    service.onChange(() => void look())
    void look()
  })

describe('a job', () => {
  it('is a row with its progress, and stays on the list until it is dismissed', async () => {
    const { run, runs, finish } = steered()
    const service = serviceWith(run)
    const { id } = await service.start(input)
    await runs
    expect(await service.list()).toMatchObject([
      { id, input, cancelling: false, state: { kind: 'running', fraction: 0.4, step: 'Writing the graph' } },
    ])
    await expect(service.dismiss(id)).rejects.toMatchObject({ code: 'invalid_request' })
    const done = reaches(service, 'done')
    finish()
    await done
    await service.dismiss(id)
    expect(await service.list()).toEqual([])
  })

  it('that fails keeps its error, and can be started again', async () => {
    const first = steered()
    const second = steered()
    const works = [first.run, second.run]
    const service = serviceWith((...run) => (works.shift() as RunJob)(...run))
    const { id } = await service.start(input)
    await first.runs
    const failed = reaches(service, 'failed')
    first.finish(new SwitchboardError('storage_full', 'the disk is full'))
    await failed
    expect(await service.list()).toMatchObject([{ state: { kind: 'failed', error: { code: 'storage_full' } } }])
    await service.resume(id)
    await second.runs
    const done = reaches(service, 'done')
    second.finish()
    await done
  })

  it('is stopped by whoever asks, and the one who waits for it hears of it', async () => {
    const { run, runs } = steered()
    const service = serviceWith(run)
    const waiting = service.complete(input)
    const rejected = expect(waiting).rejects.toMatchObject({ code: 'cancelled' })
    await runs
    await service.cancel((await service.list())[0]?.id ?? '')
    await rejected
    expect(await service.list()).toMatchObject([{ state: { kind: 'cancelled' } }])
  })

  it('of another process is stopped by a request that its process finds in the row', async () => {
    const { run, runs } = steered()
    const worker = serviceWith(run, 'a command')
    const { id } = await worker.start(input)
    await runs
    const cancelled = reaches(worker, 'cancelled')
    await serviceWith(() => Promise.resolve(), 'the program').cancel(id)
    await cancelled
  })

  it('that the end of the program cuts off is found interrupted, with a way on', async () => {
    const { run, runs } = steered()
    const service = serviceWith(run)
    const { id } = await service.start(input)
    await runs
    await service.dispose()
    const next = serviceWith(() => Promise.resolve(), 'the next start')
    expect(await next.list()).toMatchObject([{ id, state: { kind: 'interrupted', fraction: 0.4 } }])
    const done = reaches(next, 'done')
    await next.resume(id)
    await done
  })

  it('of a process that was killed becomes interrupted once it is silent', async () => {
    await storage.jobs.start(input, 'a process that was killed')
    expect(await storage.jobs.interruptAbandoned(60_000)).toEqual([])
    expect(await storage.jobs.interruptAbandoned(-1)).toMatchObject([{ state: { kind: 'interrupted' } }])
  })
})
