import type Electron from 'electron'

type Handler = (request: Request) => Response | Promise<Response>
type BeforeRequest = (details: { readonly url: string }, answer: (response: Electron.CallbackResponse) => void) => void
type PermissionRequest = Parameters<Electron.Session['setPermissionRequestHandler']>[0]
type PermissionCheck = Parameters<Electron.Session['setPermissionCheckHandler']>[0]

class StandInSession {
  readonly handlers = new Map<string, Handler>()
  readonly protocol = {
    handle: (scheme: string, handler: Handler) => void this.handlers.set(scheme, handler),
  } satisfies Pick<Electron.Protocol, 'handle'>
  readonly webRequest = { onBeforeRequest: (listener: BeforeRequest | null) => void (this.#beforeRequest = listener) }
  permissionRequest: PermissionRequest = null
  permissionCheck: PermissionCheck = null
  #beforeRequest: BeforeRequest | null = null

  setPermissionRequestHandler(handler: PermissionRequest): void {
    this.permissionRequest = handler
  }

  setPermissionCheckHandler(handler: PermissionCheck): void {
    this.permissionCheck = handler
  }

  setDevicePermissionHandler(): void {
    // No test uses devices.
  }

  /** Whether the app allows a request for this address. */
  async allows(url: string): Promise<boolean> {
    const listener = this.#beforeRequest
    if (listener === null) return true
    return await new Promise((resolve) => listener({ url }, (response) => resolve(response.cancel !== true)))
  }
}

export const defaultSession = new StandInSession()
