import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { chromium, type BrowserContext } from '@playwright/test'

let context: BrowserContext | null = null

/** Starts the host's browser and writes its debugging port to a file for the tests. */
export async function openBrowser(folder: string, locale: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  context = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
    args: [`--remote-debugging-port=${port}`, '--disable-gpu', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
    locale,
    viewport: null,
    // The host handles signals and closes the browser.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  })
  writeFileSync(join(folder, 'debugging-port'), String(port))
}

export function browserContext(): BrowserContext {
  if (context === null) throw new Error('the app is not ready yet')
  return context
}

export async function closeBrowser(): Promise<void> {
  await context?.close()
  context = null
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
