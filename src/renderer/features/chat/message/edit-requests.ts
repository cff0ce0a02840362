import { createStore } from 'zustand/vanilla'

/** The question that a notice under its reply asks to edit; null while there is none. */
export const editRequests = createStore<{ readonly messageId: string | null }>(() => ({ messageId: null }))
