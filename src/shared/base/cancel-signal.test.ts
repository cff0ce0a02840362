import { expect, it } from 'vitest'
import { raceAbort } from './cancel-signal.ts'

const pending = new Promise<never>(() => undefined)

it('gives the outcome of the work, and the error once the signal aborts', async () => {
  const controller = new AbortController()
  const race = (work: Promise<string>) => raceAbort(work, controller.signal, () => new Error('aborted'))
  expect(await race(Promise.resolve('done'))).toBe('done')
  await expect(race(Promise.reject(new Error('failed')))).rejects.toThrow('failed')
  const waiting = race(pending)
  controller.abort()
  await expect(waiting).rejects.toThrow('aborted')
  await expect(race(pending)).rejects.toThrow('aborted')
})
