// @vitest-environment happy-dom
import i18next from 'i18next'
import { beforeEach, expect, test } from 'vitest'
import {
  fakeJobs,
  fakeModelStatus,
  fakeReady,
  fakeSecondModel,
  fakeStatus,
} from '../../shared/contracts/console.fake-data.ts'
import { FakeConsole } from '../../shared/contracts/console.fake.ts'
import { jobActivity, jobName } from '../lib/job-text.ts'
import { renderPage } from '../stores/testing/page.tsx'
import { statusControl } from '../ui/status-control.ts'
import { StatusBar } from './status-bar.tsx'

beforeEach(() => statusControl.setState({ open: null }))

const busy = (running: number, waiting: number) => {
  const state = fakeReady('x', 0, 0)
  return { ...state, stats: { ...state.stats, running, waiting } }
}
const two = () =>
  new FakeConsole({
    status: {
      ...fakeStatus,
      models: [
        { ...fakeModelStatus, state: busy(1, 0) },
        { ...fakeSecondModel, state: busy(3, 2) },
      ],
    },
  })

test('one model is named, with its precision; no part speaks of tasks while there are none', async () => {
  const page = await renderPage(<StatusBar />)
  await page.until(() => page.text().includes('demo · FP32'))
  expect(page.text()).toContain('412 MB memory')
  expect(page.text()).not.toContain('Tasks')
})

test('two models are counted and summed: requests and memory of both', async () => {
  const page = await renderPage(<StatusBar />, { fake: two() })
  await page.until(() => page.text().includes('2 models'))
  expect(page.text()).toMatch(/4 running · 2 waiting.*10 GB memory/)
})

test('the list behind it names each with what it does, and unloads by key', async () => {
  const page = await renderPage(<StatusBar />, { fake: two() })
  await page.until(() => page.text().includes('2 models'))
  await page.press('Models in memory: 2 models')
  expect(page.text()).toContain('FP32 · CPU · 1 running · 0 waiting · 172 MB')
  expect(page.text()).toContain('FP32 · CPU · 3 running · 2 waiting · 9.6 GB')
  await page.press('Unload tea-7b')
  await page.until(() => page.text().includes('demo · FP32'))
  expect(page.has('Unload tea-7b')).toBe(false)
})

test('the memory part lists the program and each engine', async () => {
  const page = await renderPage(<StatusBar />)
  await page.until(() => page.text().includes('412 MB memory'))
  await page.press('Memory: 412 MB memory')
  for (const part of ['Engine of demo172 MB', 'weights 17 MB, conversations 32 MB', 'Program240 MB', 'Together412 MB'])
    expect(page.text()).toContain(part)
})

test('a failed engine shows in the bar even where the default model is fine', async () => {
  const page = await renderPage(<StatusBar />, {
    fake: new FakeConsole({
      status: {
        ...fakeStatus,
        models: [
          fakeModelStatus,
          {
            ...fakeSecondModel,
            state: { kind: 'failed', model: 'tea-7b', error: { code: 'engine_failed', message: 'x' } },
          },
        ],
      },
    }),
  })
  await page.until(() => page.has('Engine: Engine stopped'))
  expect(page.has('Engine: Ready')).toBe(false)
})

test('a running task shows its progress; it is cancelled, others are started again and taken off the list', async () => {
  const [running, interrupted] = fakeJobs(Date.now())
  if (!running || !interrupted) throw new Error('there is a job too few')
  const page = await renderPage(<StatusBar />, { fake: new FakeConsole({ jobs: [running, interrupted] }) })
  const name = jobName(i18next.t, running)
  await page.until(() => page.text().includes(jobActivity(i18next.t, running)))
  expect(page.text()).toContain('42 %')
  await page.press(`Cancel: ${name}`)
  await page.until(() => page.text().includes('1 task needs you'))
  await page.press('Tasks: 1 task needs you')
  await page.press(`Start again: ${jobName(i18next.t, interrupted)}`)
  await page.until(() => page.text().includes(jobActivity(i18next.t, interrupted)))
  await page.press(`Remove from the list: ${name}`)
  await page.until(() => !page.text().includes(name))
})

test('a task that ends while the window is open says so', async () => {
  const [running] = fakeJobs(Date.now())
  if (!running) throw new Error('no job to end')
  const fake = new FakeConsole({ jobs: [running] })
  const page = await renderPage(<StatusBar />, { fake })
  await page.until(() => page.text().includes('Importing tea-7b'))
  fake.setJobs([{ ...running, state: { kind: 'done' } }])
  await page.until(() => page.text().includes('tea-7b is imported.'))
})
