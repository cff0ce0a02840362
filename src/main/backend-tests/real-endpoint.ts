import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Settings } from '../../shared/domain/settings.ts'
import { createBackend, openStorageAt, type Backend } from '../backend.ts'
import { launchChildProcess, type ProcessLauncher } from '../platform/child-process.ts'
import { openHome } from '../platform/home.ts'
import { findProductFiles } from '../platform/product-files.ts'
import type { Endpoint } from '../http/testing/endpoint.ts'

export interface RealEndpoint extends Endpoint {
  readonly backend: Backend
  /** Path of the database file. */
  readonly database: string
}

export interface RealEndpointOptions {
  readonly settings?: Partial<Settings>
  readonly launch?: ProcessLauncher
}

/** The whole program on a free port with the demo model loaded, in a home folder of its own. */
export async function startRealEndpoint({
  settings,
  launch = launchChildProcess,
}: RealEndpointOptions = {}): Promise<RealEndpoint> {
  const root = mkdtempSync(join(tmpdir(), 'switchboard-backend-'))
  const consoleSecret = 'console-secret-of-this-test'
  const home = openHome(root)
  const files = findProductFiles()
  if (settings !== undefined) {
    const before = await openStorageAt(home, files, false)
    await before.settings.update(settings)
    await before.dispose()
  }
  const backend = await createBackend({ home, files, host: 'headless', launch, consoleSecret, openExternal: null })
  const { keys } = backend.core.storage
  const { secret: key } = await keys.create('tests')
  const { secret: revokedKey } = await keys.create('revoked')
  await keys.revoke('revoked')
  const url = await backend.server.listen(0)
  await backend.ready
  return {
    url,
    port: Number(new URL(url).port),
    key,
    revokedKey,
    model: 'demo',
    consoleSecret,
    backend,
    database: home.database,
    async close() {
      await backend.drain(0)
      await backend.dispose()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** One answer per seed from 0 to `count` - 1, eight at a time, as many as an engine decodes at once. */
export async function answersBySeed<Answer>(
  count: number,
  ask: (seed: number) => Promise<Answer>,
): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  while (answers.length < count)
    answers.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(8, count - answers.length) }, (_, index) => ask(answers.length + index)),
      )),
    )
  return answers
}
