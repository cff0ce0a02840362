import { EventEmitter } from 'node:events'
import type { WebContents } from 'electron'
import { expect, test } from 'vitest'
import { lockContents } from './lockdown.ts'

const address = 'app://switchboard/index.html#/chat/1'

/** What becomes of a navigation, asked as Electron asks. */
function goes(events: readonly string[], url: string, isMainFrame: boolean, shown = address): boolean {
  const contents = Object.assign(new EventEmitter(), { getURL: () => shown, setWindowOpenHandler: () => undefined })
  lockContents(contents as unknown as WebContents)
  let prevented = false
  for (const event of events)
    contents.emit(event, {
      url,
      isMainFrame,
      isSameDocument: false,
      preventDefault: () => {
        prevented = true
      },
    })
  return !prevented
}

test('the page may load again where it is', () => {
  expect(goes(['will-navigate', 'will-frame-navigate'], address, true)).toBe(true)
})

test.each([
  'app://switchboard/index.html',
  'app://switchboard/index.html#/settings',
  'app://switchboard/index.html?x#/chat/1',
  'app://evil/index.html',
  'http://127.0.0.1/',
  'about:blank',
  '',
])('it goes nowhere else: %j', (url) => {
  expect(goes(['will-navigate'], url, true)).toBe(false)
  expect(goes(['will-frame-navigate'], url, true)).toBe(false)
})

test('a frame goes nowhere, no redirect is followed, and what is not our page is not shown twice', () => {
  expect(goes(['will-frame-navigate'], address, false)).toBe(false)
  expect(goes(['will-redirect'], address, true)).toBe(false)
  expect(goes(['will-navigate'], 'http://127.0.0.1/', true, 'http://127.0.0.1/')).toBe(false)
})
