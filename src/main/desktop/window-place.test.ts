import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { firstPlace, loadWindowPlace, saveWindowPlace, visiblePlace } from './window-place.ts'

const folder = mkdtempSync(join(tmpdir(), 'place-'))
const path = join(folder, 'window.json')
afterEach(() => rmSync(path, { force: true }))

test('a place is found again, and damage is a first start', () => {
  expect(loadWindowPlace(path)).toEqual(firstPlace)
  const place = { x: -1200, y: 40, width: 900, height: 700, maximized: true, trayExplained: true }
  saveWindowPlace(path, place)
  expect(loadWindowPlace(path)).toEqual(place)
  for (const damage of ['', '{', '[]', '{"width":1e9,"height":800,"maximized":false,"trayExplained":true}']) {
    writeFileSync(path, damage)
    expect(loadWindowPlace(path)).toEqual(firstPlace)
  }
})

test('a position on a screen that is gone is forgotten, its size kept', () => {
  const place = { x: 2000, y: 100, width: 900, height: 700, maximized: false, trayExplained: true }
  const laptop = { x: 0, y: 0, width: 1920, height: 1080 }
  const beside = { x: 1920, y: 0, width: 1920, height: 1080 }
  expect(visiblePlace(place, [laptop, beside])).toEqual(place)
  expect(visiblePlace(place, [laptop])).toEqual({ width: 900, height: 700, maximized: false, trayExplained: true })
})
