const storageName = 'switchboard.console-key'

/** The parts of `window` this needs, so that a test can stand in for them. */
export interface KeyContext {
  readonly location: { readonly hash: string; readonly pathname: string; readonly search: string }
  readonly history: { replaceState(state: unknown, unused: string, url: string): void }
  readonly sessionStorage: Pick<Storage, 'getItem' | 'setItem'>
}

/** A cut-off escape such as `abc%2` is taken as it stands: the program then refuses the key and the page says so. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/**
 * Takes the key out of `#key=…` before the router reads the fragment, keeps it for this tab and removes it from the
 * address bar and the history. Returns the key of this tab, or null when there is none.
 */
export function takeConsoleKey(context: KeyContext): string | null {
  const match = /^#key=([^&]+)(?:&(.*))?$/.exec(context.location.hash)
  if (match?.[1] !== undefined) {
    context.sessionStorage.setItem(storageName, decoded(match[1]))
    context.history.replaceState(
      null,
      '',
      `${context.location.pathname}${context.location.search}${match[2] ? `#${match[2]}` : ''}`,
    )
  }
  return context.sessionStorage.getItem(storageName)
}
