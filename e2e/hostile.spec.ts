import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from '@playwright/test'
import { ConsolePage } from './support/console-page.ts'
import { startHost, type Host } from './support/host.ts'
import { hostilePayloads } from './support/hostile-payloads.ts'
import { prepareHome } from './support/prepared-home.ts'

let host: Host
let sink: Server
let sinkHits = 0
let payloads: readonly string[]

test.beforeAll(async () => {
  sink = createServer((_request, response) => {
    sinkHits += 1
    response.end()
  })
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
  payloads = hostilePayloads(`http://127.0.0.1:${(sink.address() as AddressInfo).port}`)

  // The model cannot be made to write these, so they are stored as its replies.
  const turns = payloads.map((text) => ({ question: text, reply: text }))
  host = await startHost(await prepareHome([{ title: 'Hostile', turns }]))
})

test.afterAll(async () => {
  await host.program.stop()
  sink.close()
})

test('hostile replies are inert: no script runs, no request leaves the page', async ({ page }) => {
  const console = new ConsolePage(page)
  await console.open(host.consoleUrl)
  await console.list.getByRole('link', { name: /Hostile/ }).click()
  await expect(console.replies.last()).toBeVisible()
  await console.scrollToFirst(payloads.length)
  await console.replies.last().scrollIntoViewIfNeeded()

  const found = await page.evaluate<readonly string[]>(`(() => {
    const region = document.querySelector('[role=region]')
    const bad = [...region.querySelectorAll('script, iframe, object, embed, img, video, audio, form, style, link, base, meta, math, a[href], svg foreignObject')].map((element) => element.outerHTML.slice(0, 120))
    for (const element of region.querySelectorAll('*')) for (const { name } of element.attributes) if (/^on/i.test(name) || name === 'srcdoc') bad.push(element.tagName + ' ' + name)
    return bad
  })()`)
  expect(found).toEqual([])

  for (const link of await console.replies.getByRole('link').all()) await link.hover()
  const origin = new URL(host.consoleUrl).origin
  expect(console.requests.filter((url) => !url.startsWith(origin) && !url.startsWith('data:'))).toEqual([])
  expect(console.dialogs).toEqual([])
  expect(console.errors).toEqual([])
  expect(sinkHits).toBe(0)
})

test('a link shows its address in a dialog and does not open when that is cancelled', async ({ page, context }) => {
  const console = new ConsolePage(page)
  await console.open(host.consoleUrl)
  await console.list.getByRole('link', { name: /Hostile/ }).click()
  await console.scrollToFirst(payloads.length)
  const link = console.replies.getByRole('link', { name: /plain link/ }).first()
  await link.click()
  const dialog = page.getByRole('dialog')
  await expect(dialog).toContainText('127.0.0.1')
  await dialog.getByRole('button', { name: console.text.app.cancel }).click()
  expect(context.pages()).toHaveLength(1)
  expect(sinkHits).toBe(0)
})

test('the page is served with a content security policy that allows only its own files', async ({ request, page }) => {
  const response = await request.get(new URL(host.consoleUrl).origin + '/console/')
  const policy = response.headers()['content-security-policy'] ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("script-src 'self'")
  expect(policy).not.toContain('unsafe')
  const console = new ConsolePage(page)
  await console.open(host.consoleUrl)
  const blocked = await page.evaluate<string>(`new Promise((resolve) => {
    document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective))
    const image = new Image()
    image.src = 'http://127.0.0.1:9/x.png'
  })`)
  expect(blocked).toBe('img-src')
})
