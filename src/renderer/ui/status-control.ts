import { createStore } from 'zustand/vanilla'

/** Which part of the status bar is open, so that a banner or the palette can open it: `models`, `jobs` and so on. */
export const statusControl = createStore<{ readonly open: string | null }>(() => ({ open: null }))
