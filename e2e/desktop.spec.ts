import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from '@playwright/test'
import { YOUNG_SPACE_FLAG } from '../src/main/platform/child-process.ts'
import { ConsolePage } from './support/console-page.ts'
import { desktopProgram, electronProgram, launchDesktop, type DesktopApp } from './support/desktop-app.ts'
import { descendants, enginePid, hostEnvironment } from './support/host.ts'
import { newHome } from './support/paths.ts'
import { prepareHome } from './support/prepared-home.ts'

let home: string
let app: DesktopApp

const endpointOf = async (console: ConsolePage): Promise<string> => {
  const label = await console.status.getByRole('button', { name: /http:\/\/127/ }).getAttribute('aria-label')
  return /http:\/\/\S+/.exec(label ?? '')?.[0] ?? ''
}

async function launch(): Promise<void> {
  const reply = 'See [our page](https://example.com/help) or [this](file:///etc/passwd).'
  home = await prepareHome([{ title: 'Links', turns: [{ question: 'Where can I read more?', reply }] }])
  app = await launchDesktop(home)
}

/** Records message boxes and opened links instead of showing them; the first button answers each box. */
async function recordDialogs(): Promise<void> {
  test.info().annotations.push({ type: 'runner', description: app.runner })
  await app.evaluate((electron) => {
    const recorded = globalThis as unknown as { shown: unknown[]; opened: string[] }
    recorded.shown = []
    recorded.opened = []
    const show = async (options: Electron.MessageBoxOptions): Promise<Electron.MessageBoxReturnValue> => {
      recorded.shown.push({ message: options.message, detail: options.detail })
      return { response: 0, checkboxChecked: false }
    }
    Object.assign(electron.dialog, { showMessageBox: show })
    Object.assign(electron.shell, { openExternal: async (url: string) => void recorded.opened.push(url) })
  }, null)
}

const shown = async (): Promise<readonly { readonly message: string; readonly detail: string }[]> =>
  await app.evaluate(() => (globalThis as unknown as { shown: { message: string; detail: string }[] }).shown, null)

test.describe('one run', () => {
  test.beforeAll(launch)
  test.beforeEach(recordDialogs)
  test.afterAll(async () => {
    await app.stop()
  })

  test('the window opens and streams an answer; the page sees one frozen pipe and nothing of Node', async () => {
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

  test('the window is created with every protection on', async () => {
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

  test('the page can neither navigate away, nor open windows, nor reach the network', async () => {
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

  test('a reload stays at the same place, as the error page offers', async () => {
    const page = await app.page()
    const console = new ConsolePage(page)
    await console.list.getByRole('link', { name: /Links/ }).click()
    await expect(console.replies).toHaveCount(1)
    const before = page.url()
    await page.evaluate(`{ window.loadedOnce = true; setTimeout(() => location.reload(), 0) }`)
    // An evaluation during the load fails.
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

  test('a link opens in the browser once after a confirmation, and only a web page', async () => {
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

  test('messages that are no calls are ignored, also from a frame', async () => {
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
    // The console still answers.
    await console.list.getByRole('link', { name: /Links/ }).click()
    await expect(console.replies).toHaveCount(1)
  })
})

test.describe('a run of its own for each test', () => {
  test.beforeEach(launch)
  test.beforeEach(recordDialogs)
  test.afterEach(async () => {
    await app.stop()
  })

  test('closing the window keeps the endpoint running, says so once, and a second start shows the window again', async () => {
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

    const second = await desktopProgram([], hostEnvironment(home)).ended
    expect(second.code).toBe(0)
    const isVisible = async (): Promise<boolean> =>
      await app.evaluate((electron) => electron.BrowserWindow.getAllWindows()[0]?.isVisible() ?? false, null)
    await expect.poll(isVisible).toBe(true)
    expect(await close()).toBe(false)
    expect(await shown()).toHaveLength(1)
  })

  test('a crashed page is loaded again, and the endpoint keeps answering', async () => {
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

  test('a killed engine is shown and restarted, and its environment holds no secret of the shell', async () => {
    const console = new ConsolePage(await app.page())
    await expect(console.status).toContainText(console.text.status.ready, { timeout: 90_000 })
    const engine = enginePid(app.pid)
    expect(readFileSync(`/proc/${engine}/environ`, 'utf8')).not.toContain('sk-must-not-spread')
    // The same young-space limit as in the headless host.
    expect(readFileSync(`/proc/${engine}/cmdline`, 'utf8')).toContain(YOUNG_SPACE_FLAG)
    process.kill(engine, 'SIGKILL')
    await expect(console.status).not.toContainText(console.text.status.ready)
    await expect(console.status).toContainText(console.text.status.ready, { timeout: 90_000 })
    expect(enginePid(app.pid)).not.toBe(engine)
  })

  test('quitting during an answer exits cleanly: no message stays in the streaming state, no process stays', async () => {
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
    test.skip(app.runner === 'Electron', 'Electron gives tests no access to the tray; the stand-in does')
    const console = new ConsolePage(await app.page())
    await expect(console.status).toContainText(console.text.status.ready, { timeout: 90_000 })
    const url = await endpointOf(console)
    await app.evaluate((electron) => electron.seen?.trays[0]?.menu?.press('Copy endpoint address'), null)
    expect(await app.evaluate((electron) => electron.seen?.clipboard ?? '', null)).toBe(url)
    await app.evaluate((electron) => electron.seen?.trays[0]?.menu?.press('Quit'), null)
    expect((await app.ended).code).toBe(0)
  })
})

test('home and port are read from arguments and environment', async () => {
  const other = newHome()
  const started = desktopProgram(['--home', other, '--port', '0', '--lang=en-US'], hostEnvironment(home))
  // 4317 is the default port.
  const port = Number((await started.printed(/is ready; endpoint http:\/\/127\.0\.0\.1:(\d+)\/v1$/m))[1])
  expect(JSON.parse(readFileSync(join(other, 'run.json'), 'utf8'))).toMatchObject({ port })
  expect(port).not.toBe(4317)
  expect((await started.stop()).code).toBe(0)

  const again = desktopProgram([`--home=${other}`], { ...hostEnvironment(home), SWITCHBOARD_PORT: String(port) })
  await again.printed(new RegExp(`endpoint http://127\\.0\\.0\\.1:${port}/v1$`, 'm'))
  expect((await again.stop()).code).toBe(0)
})

test('an app that is quit while its page loads says nothing of a failed start', async () => {
  const started = desktopProgram(['--home', newHome(), '--port', '0', '--lang=en-US'], hostEnvironment(home))
  await started.printed(/is ready; endpoint/)
  const { code, stderr } = await started.stop()
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('internal')])
})

test('an invalid option is refused by name', async () => {
  test.skip(electronProgram() !== null, 'Electron shows its message in a dialog that waits for a click')
  const refused = await desktopProgram(['--port', 'seven'], hostEnvironment(newHome())).ended
  expect(refused.code).toBe(69)
  expect(refused.stderr).toContain('invalid_arguments: --port seven')
})
