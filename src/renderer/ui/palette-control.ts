import { createSpotlight } from '@mantine/spotlight'

/** The command palette from outside: whether it is open, and what opens it. */
export const [paletteStore, palette] = createSpotlight()
