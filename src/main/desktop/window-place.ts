import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { writeWholeNow } from '../platform/write-whole.ts'

const placeSchema = z.object({
  x: z.number().int().optional(),
  y: z.number().int().optional(),
  width: z.number().int().min(360).max(10_000),
  height: z.number().int().min(400).max(10_000),
  maximized: z.boolean(),
  /** Whether the message that the app stays in the tray was shown. */
  trayExplained: z.boolean(),
})

export type WindowPlace = Readonly<z.infer<typeof placeSchema>>

export const firstPlace: WindowPlace = { width: 1280, height: 800, maximized: false, trayExplained: false }

interface Area {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** The stored bounds; the defaults where the file is missing or invalid. */
export function loadWindowPlace(path: string): WindowPlace {
  try {
    return placeSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return firstPlace
  }
}

export function saveWindowPlace(path: string, place: WindowPlace): void {
  writeWholeNow(path, JSON.stringify(place))
}

/** The bounds without their position if no screen shows it any more, as after a screen was unplugged. */
export function visiblePlace(place: WindowPlace, screens: readonly Area[]): WindowPlace {
  const { x, y, ...rest } = place
  if (x === undefined || y === undefined) return rest
  // At least 100 x 40 px of the title bar must be reachable.
  const seen = screens.some(
    (screen) =>
      x + place.width > screen.x + 100 &&
      x < screen.x + screen.width - 100 &&
      y >= screen.y &&
      y < screen.y + screen.height - 40,
  )
  return seen ? place : rest
}
