/** Times between what a user does and what is painted, taken inside the page by its own clock. */
import type { Page } from '@playwright/test'

/** What to look for; both are looked at once a frame. Runs in the page. */
export interface Awaited {
  /** The event whose time the clock starts at. */
  readonly event: 'keydown' | 'click'
  /** Accessible name of the articles that are looked at. */
  readonly label: string
  /** A text that the last article of this name holds. */
  readonly text?: string
  /** Texts that only stand there while nothing has arrived. */
  readonly placeholders?: readonly string[]
  /** How many articles of this name there are at least. */
  readonly count?: number
}

type Timed = { benchTimes?: Promise<readonly number[]> }

/**
 * Does `act` and returns, for each of `awaited`, the time from its event to the paint of the frame that first shows it,
 * ms. Fails after 30 s.
 */
export async function timesToPaint(
  page: Page,
  awaited: readonly Awaited[],
  act: () => Promise<void>,
): Promise<readonly number[]> {
  await page.evaluate((all) => {
    const timeOf = ({ event, label, text = '', placeholders = [], count = 1 }: Awaited): Promise<number> =>
      new Promise((resolve, reject) => {
        setTimeout(() => reject(new Error(`no article ${label} with ${text}, or fewer than ${count}`)), 30_000)
        const shown = (): boolean => {
          const articles = document.querySelectorAll(`article[aria-label=${JSON.stringify(label)}]`)
          const content = articles[articles.length - 1]?.textContent ?? ''
          return (
            articles.length >= count &&
            content !== '' &&
            content.includes(text) &&
            !placeholders.some((placeholder) => content.includes(placeholder))
          )
        }
        const start = (happened: Event): void => {
          const look = (): void => {
            if (!shown()) {
              requestAnimationFrame(look)
              return
            }
            // The first task after the frame that shows it.
            const { port1, port2 } = new MessageChannel()
            port1.addEventListener('message', () => resolve(performance.now() - happened.timeStamp))
            port1.start()
            port2.postMessage(null)
          }
          requestAnimationFrame(look)
        }
        document.addEventListener(event, start, { capture: true, once: true })
      })
    const timed = globalThis as Timed
    timed.benchTimes = Promise.all(all.map(timeOf))
  }, awaited)
  await act()
  return await page.evaluate(async () => (await (globalThis as Timed).benchTimes) ?? [])
}
