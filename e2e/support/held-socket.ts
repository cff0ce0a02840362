import type { Page } from '@playwright/test'

/** Control over what the server sends to a page. */
export interface HeldSocket {
  /** Keeps all further messages back. */
  hold(): void
  /** Delivers what was kept back, and everything from now on. */
  release(): void
}

/** Puts itself between a page and its server. Call it before the page connects. */
export async function holdSocket(page: Page): Promise<HeldSocket> {
  let held: (() => void)[] | null = null
  await page.routeWebSocket(/.*/, (socket) => {
    const server = socket.connectToServer()
    server.onMessage((message) => {
      if (held === null) socket.send(message)
      else held.push(() => socket.send(message))
    })
  })
  return {
    hold: () => {
      held ??= []
    },
    release: () => {
      for (const deliver of held ?? []) deliver()
      held = null
    },
  }
}
