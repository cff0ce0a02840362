const storageName = 'switchboard.console-key'

/** The parts of `window` this needs, so that a test can stand in for them. */
export interface KeyPlace {
  readonly location: { readonly hash: string; readonly pathname: string; readonly search: string }
  readonly history: { replaceState(state: unknown, unused: string, url: string): void }
  readonly sessionStorage: Pick<Storage, 'getItem' | 'setItem'>
}

/**
 * Takes the key out of `#key=…` before the router reads the fragment, keeps it for this tab and removes it from the
 * address bar and the history. Returns the key of this tab, or null when there is none.
 */
export function takeConsoleKey(place: KeyPlace): string | null {
  const match = /^#key=([^&]+)(?:&(.*))?$/.exec(place.location.hash)
  if (match?.[1] !== undefined) {
    place.sessionStorage.setItem(storageName, decodeURIComponent(match[1]))
    place.history.replaceState(
      null,
      '',
      `${place.location.pathname}${place.location.search}${match[2] ? `#${match[2]}` : ''}`,
    )
  }
  return place.sessionStorage.getItem(storageName)
}
