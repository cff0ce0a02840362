import { useOs } from '@mantine/hooks'

/**
 * Every shortcut of the window. `mod` is ⌘ on a Mac and Ctrl elsewhere. Browsers keep Ctrl N for themselves, so a new
 * conversation has a second key.
 */
export const shortcuts = {
  palette: ['mod', 'K'],
  new: ['mod', 'N'],
  newInBrowser: ['Alt', 'N'],
  search: ['/'],
  settings: ['mod', ','],
  previous: ['Alt', '↑'],
  next: ['Alt', '↓'],
  help: ['?'],
} as const satisfies Record<string, readonly string[]>

export type ShortcutName = keyof typeof shortcuts

/** The keys of a shortcut as they stand on the keyboard of this computer, such as `Ctrl K` or `⌘ K`. */
export function useShortcutText(): (name: ShortcutName) => string {
  const mac = useOs() === 'macos'
  return (name) =>
    shortcuts[name].map((key) => (key === 'mod' ? (mac ? '⌘' : 'Ctrl') : key === 'Alt' && mac ? '⌥' : key)).join(' ')
}

/** Marks the field that `/` goes to on a page: `<input {...searchTarget} />`. */
export const searchTarget = { 'data-shortcut': 'search' } as const
