import { describe, expect, it } from 'vitest'
import type { JobInput } from '../../shared/domain/job.ts'
import { useTemporaryStorage } from './testing/temporary-storage.ts'

const context = useTemporaryStorage({ workers: false })

describe('models', () => {
  it('have versions, one of them in use', async () => {
    const { models } = context.storage
    expect(await models.find('tiny')).toBeNull()
    const first = await models.addVersion('tiny', { precision: 'fp16', contentHash: 'aa' })
    expect(first).toEqual({
      name: 'tiny',
      activeVersion: 1,
      versions: [{ version: 1, precision: 'fp16', contentHash: 'aa', createdAt: context.clock }],
    })
    expect(await models.addVersion('tiny', { precision: 'fp16', contentHash: 'aa' })).toEqual(first)
    const second = await models.addVersion('tiny', { precision: 'int4', contentHash: 'bb' })
    expect(second).toMatchObject({ activeVersion: 1, versions: [{ version: 1 }, { version: 2, precision: 'int4' }] })
    expect(await models.use('tiny', 2)).toEqual({ ...second, activeVersion: 2 })
    await expect(models.use('tiny', 3)).rejects.toMatchObject({ code: 'model_not_found' })
    await expect(models.use('nobody', 1)).rejects.toMatchObject({ code: 'model_not_found' })
    await models.addVersion('another', { precision: 'fp32', contentHash: 'aa' })
    expect((await models.list()).map(({ name }) => name)).toEqual(['another', 'tiny'])
  })

  it('begin again after they were removed', async () => {
    const { models } = context.storage
    await models.addVersion('tiny', { precision: 'fp16', contentHash: 'aa' })
    await models.addVersion('tiny', { precision: 'int4', contentHash: 'bb' })
    await models.remove('tiny')
    await models.remove('tiny')
    expect(await models.list()).toEqual([])
    expect(await models.addVersion('tiny', { precision: 'int4', contentHash: 'bb' })).toMatchObject({
      activeVersion: 1,
      versions: [{ version: 1 }],
    })
  })
})

describe('jobs', () => {
  const input: JobInput = { kind: 'build', model: 'tiny', precision: 'int4' }

  it('run, make progress and end', async () => {
    const { jobs } = context.storage
    const started = await jobs.start(input, 'me')
    expect(started).toEqual({
      id: started.id,
      input,
      state: { kind: 'running', fraction: 0, step: '' },
      cancelling: false,
      createdAt: context.clock,
      updatedAt: context.clock,
    })
    expect(await jobs.progress(started.id, 0.5, 'weights')).toEqual({ cancelling: false })
    expect((await jobs.get(started.id)).state).toEqual({ kind: 'running', fraction: 0.5, step: 'weights' })
    expect((await jobs.end(started.id, { kind: 'done' })).state).toEqual({ kind: 'done' })
    const error = { code: 'job_failed', message: 'no' } as const
    const other = await jobs.start(input, 'me')
    expect((await jobs.end(other.id, { kind: 'failed', error })).state).toEqual({ kind: 'failed', error })
    expect((await jobs.list()).map(({ id }) => id)).toEqual([other.id, started.id])
    await expect(jobs.get('nobody')).rejects.toMatchObject({ code: 'job_not_found' })
  })

  it('learn with their progress that somebody asked them to stop', async () => {
    const { jobs } = context.storage
    const { id } = await jobs.start(input, 'me')
    const other = await context.openAnother()
    await other.jobs.requestCancel(id)
    await other.dispose()
    expect(await jobs.progress(id, 0.1, 'weights')).toEqual({ cancelling: true })
    expect((await jobs.get(id)).cancelling).toBe(true)
    expect(await jobs.end(id, { kind: 'cancelled' })).toMatchObject({ state: { kind: 'cancelled' }, cancelling: false })
    await jobs.requestCancel(id)
    expect((await jobs.get(id)).cancelling).toBe(false)
  })

  it('whose owner is silent are interrupted, and can be started again', async () => {
    const { jobs } = context.storage
    const silent = await jobs.start(input, 'dead')
    await jobs.progress(silent.id, 0.4, 'weights')
    const alive = await jobs.start(input, 'me')
    context.clock += 10_000
    await jobs.progress(alive.id, 0.1, 'weights')
    const interrupted = { kind: 'interrupted', fraction: 0.4, step: 'weights' }
    expect(await jobs.interruptAbandoned(10_000)).toMatchObject([{ id: silent.id, state: interrupted }])
    expect(await jobs.interruptAbandoned(10_000)).toEqual([])
    // Its owner was only asleep: it has to stop now.
    expect(await jobs.progress(silent.id, 0.9, 'weights')).toEqual({ cancelling: true })
    expect((await jobs.get(silent.id)).state).toEqual(interrupted)
    await expect(jobs.restart(alive.id, 'me')).rejects.toMatchObject({ code: 'invalid_request' })
    expect(await jobs.restart(silent.id, 'me')).toMatchObject({
      state: { kind: 'running', fraction: 0, step: '' },
      createdAt: context.clock,
    })
  })

  it('leave the list when they are dismissed, but not while they run', async () => {
    const { jobs } = context.storage
    const { id } = await jobs.start(input, 'me')
    await expect(jobs.dismiss(id)).rejects.toMatchObject({ code: 'invalid_request' })
    await jobs.end(id, { kind: 'cancelled' })
    await jobs.dismiss(id)
    expect(await jobs.list()).toEqual([])
    await jobs.restart(id, 'me')
    expect(await jobs.list()).toHaveLength(1)
  })
})
