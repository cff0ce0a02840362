/** A part of the window over the fake console in a DOM, for component tests (`@vitest-environment happy-dom`). */
import { MantineProvider } from '@mantine/core'
import { Notifications, notifications } from '@mantine/notifications'
import type { ReactNode } from 'react'
import { createRoot } from 'react-dom/client'
import { MemoryRouter, useLocation } from 'react-router'
import { onTestFinished } from 'vitest'
import type { ConsoleClient } from '../../../shared/contracts/console-bridge.ts'
import { FakeConsole } from '../../../shared/contracts/console.fake.ts'
import { startI18n, type Language } from '../../lib/i18n/i18n.ts'
import { windowTitle } from '../../lib/window-title.ts'
import { createStores, StoresContext, type Stores } from '../stores.ts'

export interface PageOptions {
  readonly fake?: FakeConsole
  /** The client the page talks to; default: the fake itself. */
  readonly client?: ConsoleClient
  readonly language?: Language
  readonly path?: string
}

export interface PageUnderTest {
  readonly fake: FakeConsole
  readonly stores: Stores
  /** Everything that can be read on the page, portals included. */
  readonly text: () => string
  readonly path: () => string
  /** The button, link, menu item or option of this accessible name. @throws Error where there is none. */
  readonly control: (name: string) => HTMLElement
  readonly has: (name: string) => boolean
  readonly field: (label: string) => HTMLInputElement | HTMLTextAreaElement
  readonly press: (name: string) => Promise<void>
  readonly type: (label: string, text: string) => Promise<void>
  readonly key: (key: string, options?: KeyboardEventInit, target?: EventTarget) => Promise<void>
  /** Waits until the check holds. @throws Error after two seconds. */
  readonly until: (check: () => unknown) => Promise<void>
}

const pressable = 'button, a, [role="menuitem"], [role="option"]'

/** Resolves after React drew what was pending: its scheduler runs between two timers. */
async function settled(): Promise<void> {
  for (let round = 0; round < 2; round += 1) await new Promise((resolve) => setTimeout(resolve, 0))
}

function nameOf(element: Element): string {
  return (element.getAttribute('aria-label') ?? element.textContent ?? '').trim()
}

export async function renderPage(element: ReactNode, options: PageOptions = {}): Promise<PageUnderTest> {
  await startI18n(options.language ?? 'en')
  // happy-dom loads no fonts; a field that grows with its text listens for them.
  if (!('fonts' in document)) Object.defineProperty(document, 'fonts', { value: new EventTarget() })
  const fake = options.fake ?? new FakeConsole()
  const client = options.client ?? fake
  const stores = createStores({
    connection: { client, state: () => ({ kind: 'open' }), watch: () => () => undefined, retry: () => undefined },
    schedule: (run) => setTimeout(run, 0),
    storage: { getItem: () => null, setItem: () => undefined, removeItem: () => undefined },
  })
  let path = ''
  function Path() {
    path = useLocation().pathname
    return null
  }
  const container = document.body.appendChild(document.createElement('div'))
  const root = createRoot(container)
  root.render(
    <StoresContext value={stores}>
      <MantineProvider env="test" withCssVariables={false} withGlobalClasses={false}>
        <Notifications />
        <MemoryRouter initialEntries={[options.path ?? '/']}>
          <Path />
          {element}
        </MemoryRouter>
      </MantineProvider>
    </StoresContext>,
  )
  await settled()
  onTestFinished(async () => {
    notifications.clean()
    windowTitle.setState({ page: null, alarm: false })
    root.unmount()
    await settled()
    container.remove()
    document.body.replaceChildren()
  })

  const find = (name: string): HTMLElement | undefined =>
    [...document.querySelectorAll<HTMLElement>(pressable)].find((candidate) => nameOf(candidate) === name)
  const control = (name: string): HTMLElement => {
    const found = find(name)
    if (!found) throw new Error(`nothing to press is called ${name}:\n${document.body.textContent}`)
    return found
  }
  const field = (label: string): HTMLInputElement | HTMLTextAreaElement => {
    const fields = [...document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('input, textarea')]
    const found = fields.find(
      (candidate) =>
        candidate.getAttribute('aria-label') === label ||
        [...document.querySelectorAll('label')].some(
          (text) => text.textContent === label && text.htmlFor === candidate.id,
        ),
    )
    if (!found) throw new Error(`no field is labelled ${label}`)
    return found
  }
  const until = async (check: () => unknown): Promise<void> => {
    const end = Date.now() + 2000
    while (!(await check())) {
      if (Date.now() > end) throw new Error(`never became true: ${check.toString()}\n${document.body.textContent}`)
      await settled()
    }
  }
  return {
    fake,
    stores,
    control,
    field,
    until,
    text: () => document.body.textContent ?? '',
    path: () => path,
    has: (name) => find(name) !== undefined,
    async press(name) {
      control(name).click()
      await settled()
    },
    async type(label, text) {
      const target = field(label)
      const { prototype } = target instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement
      // React listens to the setter of the prototype.
      Object.getOwnPropertyDescriptor(prototype, 'value')?.set?.call(target, text)
      target.dispatchEvent(new Event('input', { bubbles: true }))
      await settled()
    },
    async key(key, init = {}, target = document.activeElement ?? document.body) {
      target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...init }))
      await settled()
    },
  }
}
