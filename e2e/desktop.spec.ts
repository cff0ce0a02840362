import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from '@playwright/test'
import { YOUNG_SPACE_FLAG } from '../src/main/platform/child-process.ts'
import { openStorage } from '../src/main/storage/storage.ts'
import { ConsolePage } from './support/console-page.ts'
import { desktopProgram, launchDesktop, type DesktopApp } from './support/desktop-app.ts'
import { descendants, enginePid, hostEnvironment } from './support/host.ts'
import { newHome } from './support/places.ts'

let home: string
let app: DesktopApp

const endpointOf = async (console: ConsolePage): Promise<string> => {
  const label = await console.status.getByRole('button', { name: /http:\/\/127/ }).getAttribute('aria-label')
  return /http:\/\/\S+/.exec(label ?? '')?.[0] ?? ''
}

test.beforeEach(async () => {
  home = newHome()
  mkdirSync(home, { recursive: true })
  const storage = await openStorage({ path: join(home, 'switchboard.db'), builtInAssistants: [], workers: false })
  const { id } = await storage.conversations.create({
    assistantId: null,
    model: null,
    systemPrompt: '',
    parameters: {},
  })
  await storage.conversations.update(id, { title: 'Links' })
  const { reply } = await storage.conversations.beginQuestion(id, 'Where can I read more?', undefined)
  await storage.conversations.endReply(reply.id, {
    text: 'See [our page](https://example.com/help) or [this](file:///etc/passwd).',
    state: { kind: 'complete' },
    receipt: null,
  })
  await storage.dispose()
  app = await launchDesktop(home)
  test.info().annotations.push({ type: 'runner', description: app.runner })
  // Dialogs would wait for a person; what they say is kept, and the first button is pressed.
  await app.evaluate((electron) => {
    const kept = globalThis as unknown as { shown: unknown[]; opened: string[] }
    kept.shown = []
    kept.opened = []
    const show = async (options: Electron.MessageBoxOptions): Promise<Electron.MessageBoxReturnValue> => {
      kept.shown.push({ message: options.message, detail: options.detail })
      return { response: 0, checkboxChecked: false }
    }
    Object.assign(electron.dialog, { showMessageBox: show })
    Object.assign(electron.shell, { openExternal: async (url: string) => void kept.opened.push(url) })
  }, null)
})

test.afterEach(async () => {
  await app.stop()
})

const shown = async (): Promise<readonly { readonly message: string; readonly detail: string }[]> =>
  await app.evaluate(() => (globalThis as unknown as { shown: { message: string; detail: string }[] }).shown, null)

test('the window opens and streams an answer; the page has one frozen pipe and nothing of Node', async () => {
  const page = await app.page()
  const console = new ConsolePage(page)
  await expect(console.status).toContainText(console.text.status.ready, { timeout: 90_000 })
  await console.ask('How long do I have to return the shoes?')
  const surface = await page.evaluate<unknown>(`({
    pipe: Object.keys(window.switchboard).sort(), frozen: Object.isFrozen(window.switchboard),
    node: [typeof require, typeof process, typeof module, typeof Buffer],
  })`)
  expect(surface).toEqual({
    pipe: ['listen', 'send'],
    frozen: true,
    node: ['undefined', 'undefined', 'undefined', 'undefined'],
  })
  expect(console.errors).toEqual([])
})

test('the window is made with every protection on', async () => {
  await app.page()
  const preferences = await app.evaluate((electron) => {
    const window = electron.BrowserWindow.getAllWindows()[0] as unknown as {
      options?: { webPreferences: object }
      webContents: { getLastWebPreferences?: () => object }
    }
    return (window.options?.webPreferences ?? window.webContents.getLastWebPreferences?.()) as Record<string, unknown>
  }, null)
  expect(preferences).toMatchObject({
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    webSecurity: true,
    webviewTag: false,
    allowRunningInsecureContent: false,
  })
})

test('closing the window keeps the endpoint answering, says so once, and a second start shows it again', async () => {
  const console = new ConsolePage(await app.page())
  await expect(console.status).toContainText(console.text.status.ready, { timeout: 90_000 })
  const health = new URL('/health', await endpointOf(console))
  const close = async (): Promise<boolean> =>
    await app.evaluate((electron) => {
      const window = electron.BrowserWindow.getAllWindows()[0]
      window?.close()
      return window?.isVisible() ?? true
    }, null)
  expect(await close()).toBe(false)
  expect((await fetch(health)).status).toBe(200)
  expect(await shown()).toMatchObject([{ message: 'Switchboard keeps answering' }])

  // As a person does who does not see the tray.
  const second = await desktopProgram([], hostEnvironment(home)).ended
  expect(second.code).toBe(0)
  const isVisible = async (): Promise<boolean> =>
    await app.evaluate((electron) => electron.BrowserWindow.getAllWindows()[0]?.isVisible() ?? false, null)
  await expect.poll(isVisible).toBe(true)
  expect(await close()).toBe(false)
  expect(await shown()).toHaveLength(1)
})

test('the page can go nowhere, open nothing and reach nothing', async () => {
  const page = await app.page()
  const console = new ConsolePage(page)
  await expect(console.status).toBeVisible()
  const before = page.url()
  await page.evaluate(`location.href = 'http://127.0.0.1:9/away'`)
  await page.evaluate(
    `{ const a = document.createElement('a'); a.href = 'http://127.0.0.1:9/away'; a.target = '_blank'; document.body.append(a); a.click() }`,
  )
  await page.evaluate(`void window.open('http://127.0.0.1:9/popup')`)
  const reached = await page.evaluate<string>(
    `fetch('http://127.0.0.1:9/fetch').then(() => 'reached', () => 'refused')`,
  )
  expect(reached).toBe('refused')
  expect(page.url()).toBe(before)
  const windows = async (): Promise<number> =>
    await app.evaluate((electron) => electron.BrowserWindow.getAllWindows().length, null)
  expect(await windows()).toBe(1)
  await expect(console.status).toBeVisible()
})

test('the page loads again where it is, as its error page offers', async () => {
  const page = await app.page()
  const console = new ConsolePage(page)
  await console.list.getByRole('link', { name: /Links/ }).click()
  await expect(console.replies).toHaveCount(1)
  const before = page.url()
  await page.evaluate(`{ window.loadedOnce = true; setTimeout(() => location.reload(), 0) }`)
  // Asked in the middle of the load, it does not answer.
  await expect
    .poll(
      async () =>
        await page.evaluate('window.loadedOnce').then(
          (marked) => marked === true,
          () => true,
        ),
    )
    .toBe(false)
  await expect(console.replies).toHaveCount(1)
  expect(page.url()).toBe(before)
})

test('a link is opened outside after the person agreed, once, and only a web page', async () => {
  const page = await app.page()
  const console = new ConsolePage(page)
  await console.list.getByRole('link', { name: /Links/ }).click()
  await expect(console.replies.getByRole('link')).toHaveCount(1)
  await console.replies.getByRole('link').click()
  await expect
    .poll(async () => await app.evaluate(() => (globalThis as unknown as { opened: string[] }).opened, null))
    .toEqual(['https://example.com/help'])
  expect(await shown()).toMatchObject([{ detail: 'https://example.com/help' }])
  expect(page.url()).toContain('index.html')
})

test('what is no call is ignored, whoever sends it', async () => {
  const page = await app.page()
  const console = new ConsolePage(page)
  await expect(console.status).toBeVisible()
  await page.evaluate(
    `for (const message of ['', '{', 'null', '[]', '{"i":1}', 'x'.repeat(3_000_000)]) window.switchboard.send(message)`,
  )
  if (app.runner === 'stand-in') {
    await page.evaluate(
      `{ const frame = document.createElement('iframe'); document.body.append(frame); void frame.contentWindow.__standInSend?.('console:up', '{"i":"1","p":{"u":"/app/info"}}') }`,
    )
  }
  // The console still answers: a new conversation can be asked for.
  await console.list.getByRole('link', { name: /Links/ }).click()
  await expect(console.replies).toHaveCount(1)
})

test('a page that crashes is loaded again, and the endpoint does not notice', async () => {
  const console = new ConsolePage(await app.page())
  await expect(console.status).toContainText(console.text.status.ready, { timeout: 90_000 })
  const health = new URL('/health', await endpointOf(console))
  await app.evaluate(
    (electron) => electron.BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer(),
    null,
  )
  expect((await fetch(health)).status).toBe(200)
  const again = new ConsolePage(await app.page())
  await expect(again.status).toContainText(again.text.status.ready, { timeout: 90_000 })
})

test('a killed engine is shown and comes back; it never saw a secret of the shell', async () => {
  const console = new ConsolePage(await app.page())
  await expect(console.status).toContainText(console.text.status.ready, { timeout: 90_000 })
  const engine = enginePid(app.pid)
  expect(readFileSync(`/proc/${engine}/environ`, 'utf8')).not.toContain('sk-must-not-spread')
  // As in the headless host, or its memory would grow in jumps.
  expect(readFileSync(`/proc/${engine}/cmdline`, 'utf8')).toContain(YOUNG_SPACE_FLAG)
  process.kill(engine, 'SIGKILL')
  await expect(console.status).not.toContainText(console.text.status.ready)
  await expect(console.status).toContainText(console.text.status.ready, { timeout: 90_000 })
  expect(enginePid(app.pid)).not.toBe(engine)
})

test('quitting during an answer ends cleanly: nothing half-written is left as if it were running, no process stays', async () => {
  const console = new ConsolePage(await app.page())
  await expect(console.status).toContainText(console.text.status.ready, { timeout: 90_000 })
  await console.field.fill('Tell me about delivery.')
  await console.field.press('Enter')
  await expect(console.questions).toHaveCount(1)
  const started = descendants(app.pid)
  const { code } = await app.stop()
  expect(code).toBe(0)
  for (const pid of started) await expect.poll(() => descendants(1).includes(pid)).toBe(false)
  const database = new DatabaseSync(join(home, 'switchboard.db'), { readOnly: true })
  const rows = database.prepare('SELECT content, state FROM messages ORDER BY seq').all()
  database.close()
  expect(rows.map((row) => row['state'])).not.toContain('streaming')
  expect(rows[2]).toMatchObject({ content: 'Tell me about delivery.' })
})

test('the tray opens the window, copies the address and quits', async () => {
  test.skip(app.runner === 'Electron', 'Electron gives tests no hold on a tray; the stand-in does')
  const console = new ConsolePage(await app.page())
  await expect(console.status).toContainText(console.text.status.ready, { timeout: 90_000 })
  const url = await endpointOf(console)
  await app.evaluate((electron) => electron.seen?.trays[0]?.menu?.press('Copy endpoint address'), null)
  expect(await app.evaluate((electron) => electron.seen?.clipboard ?? '', null)).toBe(url)
  await app.evaluate((electron) => electron.seen?.trays[0]?.menu?.press('Quit'), null)
  expect((await app.ended).code).toBe(0)
})

test('home and port are taken as on the command line', async () => {
  const other = newHome()
  const started = desktopProgram(['--home', other, '--port', '0', '--lang=en-US'], hostEnvironment(home))
  // Port 4317 would be in the line if the option were not read.
  const port = Number((await started.printed(/is ready; endpoint http:\/\/127\.0\.0\.1:(\d+)\/v1$/m))[1])
  expect(JSON.parse(readFileSync(join(other, 'run.json'), 'utf8'))).toMatchObject({ port })
  expect(port).not.toBe(4317)
  expect((await started.stop()).code).toBe(0)

  const again = desktopProgram([`--home=${other}`], { ...hostEnvironment(home), SWITCHBOARD_PORT: String(port) })
  await again.printed(new RegExp(`endpoint http://127\\.0\\.0\\.1:${port}/v1$`, 'm'))
  expect((await again.stop()).code).toBe(0)
})

test('an option that cannot be read is refused by name', async () => {
  test.skip(app.runner === 'Electron', 'its message waits for a person')
  const refused = await desktopProgram(['--port', 'seven'], hostEnvironment(newHome())).ended
  expect(refused.code).toBe(69)
  expect(refused.stderr).toContain('invalid_arguments: --port seven')
})
