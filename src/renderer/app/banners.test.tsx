// @vitest-environment happy-dom
import i18next from 'i18next'
import { expect, test } from 'vitest'
import { fakeJobs, fakeModelStatus, fakeStatus } from '../../shared/contracts/console.fake-data.ts'
import { FakeConsole } from '../../shared/contracts/console.fake.ts'
import type { ErrorCode } from '../../shared/errors/catalogue.ts'
import { jobName } from '../lib/job-text.ts'
import { titleText, windowTitle } from '../lib/window-title.ts'
import { renderPage } from '../stores/testing/page.tsx'
import { statusControl } from '../ui/status-control.ts'
import { Banners } from './banners.tsx'

function down(code: ErrorCode, allowCpu = true): FakeConsole {
  return new FakeConsole({
    settings: { providers: { prefer: 'auto', allowCpu } },
    status: {
      ...fakeStatus,
      models: [
        {
          ...fakeModelStatus,
          state: { kind: 'failed', model: 'demo', error: { code, message: 'signal SIGKILL' } },
          since: Date.now(),
        },
      ],
    },
  })
}

test('a healthy program shows no banner and no mark', async () => {
  const page = await renderPage(<Banners />)
  await page.until(() => page.stores.assistants.store.getState().kind === 'ready')
  expect([page.text(), titleText(windowTitle.getState())]).toEqual(['', 'Switchboard'])
})

test('an engine that is down says what, why and with which details, marks the title, and is restarted', async () => {
  const page = await renderPage(<Banners />, { fake: down('engine_failed') })
  await page.until(() => page.has('Restart engine'))
  expect(page.text()).toMatch(/^demo has not answered since .+Customers get an error.+stopped several times.+SIGKILL/)
  expect(titleText(windowTitle.getState())).toBe('⚠ Switchboard')
  await page.press('Restart engine')
  await page.until(() => page.text() === '')
  expect(titleText(windowTitle.getState())).toBe('Switchboard')
})

test('where the CPU was forbidden, the banner allows it and starts the engine', async () => {
  const page = await renderPage(<Banners />, { fake: down('provider_unavailable', false) })
  await page.until(() => page.has('Allow CPU'))
  await page.press('Allow CPU')
  await page.until(() => page.text() === '')
  expect((await page.fake.settings.get()).settings.providers).toEqual({ prefer: 'auto', allowCpu: true })
})

test('a default model that is gone says who answers instead and lets another one be chosen', async () => {
  const page = await renderPage(<Banners />, {
    fake: new FakeConsole({ settings: { defaultModel: 'tea-13b' } }),
    language: 'zh-CN',
  })
  await page.until(() => page.has('选择其他模型'))
  expect(page.text()).toContain('默认模型“tea-13b”已不存在。现由 demo 回答。')
  await page.press('选择其他模型')
  await page.press('改用 tea-7b 回答')
  await page.until(() => page.text() === '')
  expect((await page.fake.settings.get()).settings.defaultModel).toBe('tea-7b')
})

test('interrupted work leads to the list of tasks', async () => {
  const jobs = fakeJobs(Date.now())
  const page = await renderPage(<Banners />, { fake: new FakeConsole({ jobs }) })
  await page.until(() => page.has('Show tasks'))
  const interrupted = jobs.filter(({ state }) => state.kind === 'interrupted')
  expect(interrupted.map((job) => page.text().includes(`${jobName(i18next.t, job)} was interrupted`))).toEqual([true])
  await page.press('Show tasks')
  expect(statusControl.getState().open).toBe('jobs')
})
