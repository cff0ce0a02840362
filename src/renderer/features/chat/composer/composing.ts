import type { KeyboardEvent } from 'react'

/** Enter that ends a composition (Chinese, Japanese, Korean input) belongs to the input method, not to the page. */
export function isComposing(event: KeyboardEvent): boolean {
  return event.nativeEvent.isComposing || event.keyCode === 229
}
