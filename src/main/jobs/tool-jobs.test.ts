import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { launchChildProcess, type ChildProcessHandle, type ProcessLauncher } from '../platform/child-process.ts'
import { stagingName } from '../platform/staging.ts'
import { ToolJobs, type ToolLimits } from './tool-jobs.ts'

const fixture = join(import.meta.dirname, '../engine-tests/fixtures/qwen2-tied')
const channelModule = pathToFileURL(join(import.meta.dirname, '../platform/parent-channel.ts')).href

let directory: string
let started: ChildProcessHandle[]
const launch: ProcessLauncher = (options) => {
  const child = launchChildProcess(options)
  started.push(child)
  return child
}
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchboard-jobs-'))
  started = []
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const job = () => ({ source: fixture, target: join(directory, 'graph'), precision: 'fp32' as const })

/** Jobs whose tool process runs this instead of the real one; `parent` and `job` are in scope. */
async function jobsRunning(body: string, limits?: ToolLimits): Promise<ToolJobs> {
  const entry = join(directory, 'tool.mjs')
  await writeFile(
    entry,
    `import { connectToParent } from ${JSON.stringify(channelModule)}\nimport { mkdirSync } from 'node:fs'\nconst parent = connectToParent()\nparent.onMessage((job) => { ${body} })\n`,
  )
  return new ToolJobs(launch, limits === undefined ? { entry } : { entry, limits })
}

const isGone = (child: ChildProcessHandle | undefined): boolean => {
  try {
    return child?.pid === undefined || !process.kill(child.pid, 0)
  } catch {
    // no such process
    return true
  }
}

describe('the real tool process', () => {
  test('builds, tells of progress and ends', async () => {
    const fractions: number[] = []
    const description = await new ToolJobs(launch).build(job(), { onProgress: (fraction) => fractions.push(fraction) })
    expect(description).toMatchObject({ family: 'qwen2', layers: 3 })
    expect(fractions.at(-1)).toBeCloseTo(1)
    expect((await readdir(directory)).sort()).toEqual(['graph'])
    expect(started.map(isGone)).toEqual([true])
  })

  test('fails with the error of the job', async () => {
    await expect(new ToolJobs(launch).inspect(fixture)).rejects.toMatchObject({
      code: 'not_a_model_folder',
      details: { file: 'tokenizer.json' },
    })
  })

  test('has a bounded heap', async () => {
    const jobs = await jobsRunning(
      `const { heap_size_limit: bytes } = process.getBuiltinModule('node:v8').getHeapStatistics(); parent.send({ kind: 'failed', error: { code: 'internal', message: String(bytes / 2 ** 20) } }); parent.exit(0)`,
    )
    const failure = await jobs.inspect(fixture).catch((thrown: unknown) => thrown)
    // The old generation has 1024 MiB; the young one adds a few.
    expect(Number((failure as Error).message)).toBeGreaterThanOrEqual(1024)
    expect(Number((failure as Error).message)).toBeLessThan(1100)
  })

  test('sees nothing of the environment that could be a secret', async () => {
    process.env['SWITCHBOARD_TEST_SECRET'] = 'x'
    const jobs = await jobsRunning(
      `parent.send({ kind: 'failed', error: { code: 'internal', message: Object.keys(process.env).join(' ') } }); parent.exit(0)`,
    )
    await expect(jobs.inspect(fixture)).rejects.toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('SWITCHBOARD_TEST_SECRET') }),
    )
  })
})

test('the tool process ends when the program that started it is killed', async () => {
  const parent = join(directory, 'parent.mjs')
  const [launcher, entries] = ['child-process.ts', 'process-entry.ts'].map(
    (name) => pathToFileURL(join(import.meta.dirname, '../platform', name)).href,
  )
  await writeFile(
    parent,
    `import { launchChildProcess } from '${launcher}'\nimport { processEntry } from '${entries}'\nconst child = launchChildProcess({ entry: processEntry('tool'), name: 'tool' })\nsetTimeout(() => console.log(child.pid), 500)\nsetInterval(() => undefined, 1000)\n`,
  )
  const program = spawn(process.execPath, [parent], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(program.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  expect(process.kill(pid, 0)).toBe(true)
  program.kill('SIGKILL')
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow(), { timeout: 15_000 })
})

/** Leaves a half-written folder as a build does, then goes on with `body`. */
const halfWritten = (body: string) =>
  `mkdirSync(job.target.replace(/[^/\\\\]+$/, '.graph.' + process.pid + '.0123456789ab.partial')); parent.send({ kind: 'progress', fraction: 0.5, step: 'Writing' }); ${body}`

describe('a tool process that goes wrong', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['dies by a signal', `process.kill(process.pid, 'SIGSEGV')`, 'tool_crashed'],
    ['ends without a result', `parent.exit(0)`, 'tool_crashed'],
    ['throws', `throw new Error('broken')`, 'tool_crashed'],
    ['sends a message that is none', `parent.send({ kind: 'surprise' })`, 'tool_crashed'],
    ['claims more than all was done', `parent.send({ kind: 'progress', fraction: 2, step: '' })`, 'tool_crashed'],
    [
      'answers another question',
      `parent.send({ kind: 'result', result: { kind: 'inspected', model: { family: 'x', parameters: 1, layers: 1, contextLength: 1, vocabularySize: 1, files: [] } } }); parent.exit(0)`,
      'tool_crashed',
    ],
    [
      'says an unknown error',
      `parent.send({ kind: 'failed', error: { code: 'nonsense', message: '' } })`,
      'tool_crashed',
    ],
  ]
  test.each(cases)('%s', async (_, body, code) => {
    const jobs = await jobsRunning(halfWritten(body))
    await expect(jobs.build(job())).rejects.toMatchObject({ code })
    expect(await readdir(directory)).toEqual(['tool.mjs'])
    expect(started.map(isGone)).toEqual([true])
  })

  test('hangs', async () => {
    const jobs = await jobsRunning(halfWritten('for (;;) {}'), { silenceMs: 1500, memoryBytes: 2 ** 40 })
    await expect(jobs.build(job())).rejects.toMatchObject({ code: 'job_failed' })
    expect(await readdir(directory)).toEqual(['tool.mjs'])
    expect(started.map(isGone)).toEqual([true])
  })

  test.runIf(process.platform === 'linux')('takes too much memory', async () => {
    const jobs = await jobsRunning(
      'globalThis.hoard = []; setInterval(() => hoard.push(Buffer.alloc(20_000_000, 1)), 10)',
      { silenceMs: 60_000, memoryBytes: 300_000_000 },
    )
    await expect(jobs.inspect(fixture)).rejects.toMatchObject({
      code: 'job_failed',
      details: { bytes: expect.any(Number) },
    })
    expect(started.map(isGone)).toEqual([true])
  })

  test('cannot be started', async () => {
    const jobs = new ToolJobs(launch, { entry: join(directory, 'missing.mjs') })
    await expect(jobs.inspect(fixture)).rejects.toMatchObject({ code: 'tool_crashed' })
  })
})

describe('a job that is no longer wanted', () => {
  test('is not started', async () => {
    await expect(new ToolJobs(launch).build(job(), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    })
    expect(started).toEqual([])
  })

  test('is ended and leaves nothing; what others write is left alone', async () => {
    const others = stagingName('other')
    await writeFile(join(directory, others), '')
    const controller = new AbortController()
    const jobs = await jobsRunning(halfWritten('setInterval(() => undefined, 1000)'))
    await expect(
      jobs.build(job(), { signal: controller.signal, onProgress: () => controller.abort() }),
    ).rejects.toMatchObject({ code: 'cancelled' })
    expect((await readdir(directory)).sort()).toEqual([others, 'tool.mjs'].sort())
    expect(started.map(isGone)).toEqual([true])
  })

  test('is ended when its owner goes', async () => {
    const jobs = await jobsRunning(halfWritten('setInterval(() => undefined, 1000)'))
    const running = expect(jobs.build(job(), { onProgress: () => void jobs.dispose() })).rejects.toMatchObject({
      code: 'tool_crashed',
    })
    await running
    expect(started.map(isGone)).toEqual([true])
  })
})
