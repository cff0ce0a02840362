import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { removeStagingLeftovers, stagingName } from './staging.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchboard-staging-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

test('removes leftovers of dead processes, even of one with our own process id; keeps work in progress', async () => {
  // No process has this id: the maximum on Linux is 2^22.
  const dead = '.shop.99999999.0123456789ab.partial'
  const before = `.shop.${process.pid}.0123456789ab.partial`
  const ours = stagingName('shop')
  const others = `.shop.${process.ppid}.0123456789ab.partial`
  for (const name of [dead, before, ours, others, 'shop']) await mkdir(join(directory, name))
  expect([...(await removeStagingLeftovers(directory))].sort()).toEqual([dead, before].sort())
  expect((await readdir(directory)).sort()).toEqual([ours, others, 'shop'].sort())
})

test('a missing folder has no leftovers', async () => {
  expect(await removeStagingLeftovers(join(directory, 'missing'))).toEqual([])
})
