import { createStore } from 'zustand/vanilla'

/** What stands in the title of the window: the page, and a mark in front of it while something needs the operator. */
export const windowTitle = createStore<{ readonly page: string | null; readonly alarm: boolean }>(() => ({
  page: null,
  alarm: false,
}))

/** `⚠ Settings – Switchboard`; the mark is seen in a tab or task bar that is too narrow for the rest. */
export function titleText({ page, alarm }: { readonly page: string | null; readonly alarm: boolean }): string {
  return `${alarm ? '⚠ ' : ''}${page ? `${page} – ` : ''}Switchboard`
}
