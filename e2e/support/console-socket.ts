import type { Page } from '@playwright/test'

/** The text in a frame of the console's WebSocket that carries a reply delta, otherwise null. */
export function deltaText(frame: string | Buffer): string | null {
  const text = /"kind":"delta".*"text":("(?:[^"\\]|\\.)*")/.exec(String(frame))?.[1]
  return text === undefined ? null : (JSON.parse(text) as string)
}

/** Control over what the server sends to a page. */
export interface ConsoleSocket {
  /** Keeps all further frames back. */
  hold(): void
  /** Delivers the frames kept back, and all later ones at once. */
  release(): void
  /** Called with the text of each reply delta before the page gets it. */
  onDelta: (text: string) => void
}

/** Puts itself between a page and its server. Call it before the page connects. */
export async function interceptSocket(page: Page): Promise<ConsoleSocket> {
  let held: (() => void)[] | null = null
  const control: ConsoleSocket = {
    hold: () => {
      held ??= []
    },
    release: () => {
      for (const deliver of held ?? []) deliver()
      held = null
    },
    onDelta: () => undefined,
  }
  await page.routeWebSocket(/.*/, (socket) => {
    const server = socket.connectToServer()
    server.onMessage((frame) => {
      const text = deltaText(frame)
      if (text !== null) control.onDelta(text)
      if (held === null) socket.send(frame)
      else held.push(() => socket.send(frame))
    })
  })
  return control
}
