import { runInThisContext } from 'node:vm'

/**
 * Lets a test run a function in the host with Electron's parts as its argument, the way Playwright's own
 * `electronApp.evaluate` does. The test is the parent process and uses its IPC channel.
 */
export function evaluateForTests(electron: Readonly<Record<string, unknown>>): void {
  process.on('message', (message: { readonly id: number; readonly source: string; readonly argument: unknown }) => {
    const run = runInThisContext(`(${message.source})`) as (electron: unknown, argument: unknown) => unknown
    void (async () => {
      try {
        process.send?.({ id: message.id, value: await run(electron, message.argument) })
      } catch (failure) {
        process.send?.({ id: message.id, failure: failure instanceof Error ? failure.message : 'unknown' })
      }
    })()
  })
  // The channel must not keep the host alive.
  process.channel?.unref()
}
