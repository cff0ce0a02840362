import { readFile } from 'node:fs/promises'
import { protocol, type Session } from 'electron'
import { consolePageHeaders } from '../../shared/contracts/console-page.ts'
import { pageFile, pageOrigin } from './page-file.ts'

/** Registers the page's scheme with the fewest privileges. Call it before the app is ready. */
export function registerPageScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: pageOrigin.scheme, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ])
}

/** Serves only the built page under its own origin. */
export function servePage(session: Session, folder: string): void {
  session.protocol.handle(pageOrigin.scheme, async (request) => {
    const file = request.method === 'GET' ? pageFile(folder, request.url) : null
    if (file === null) return new Response(null, { status: 404 })
    try {
      // A Buffer may be a view into a pool; copy only its own bytes.
      const bytes = new Uint8Array(await readFile(file.path))
      return new Response(bytes, { headers: { ...consolePageHeaders, 'content-type': file.mediaType } })
    } catch (failure) {
      if (failure instanceof Error && 'code' in failure && failure.code === 'ENOENT')
        return new Response(null, { status: 404 })
      throw failure
    }
  })
}
