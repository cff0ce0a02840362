import { createContext, use } from 'react'
import type { SafeUrl } from '../lib/safe-url.ts'

/** Opens a link after the person agreed; how is the business of the shell. */
export type OpenLink = (url: SafeUrl) => void

export const LinkOpenerContext = createContext<OpenLink>(() => undefined)

export function useLinkOpener(): OpenLink {
  return use(LinkOpenerContext)
}
