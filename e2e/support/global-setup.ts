import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { startHost } from './host.ts'
import { emptyHome, GRAPHS_VARIABLE } from './paths.ts'

/** Starts the app once on an empty home, so that all other homes can copy the graph it builds. */
export default async function setUp(): Promise<() => void> {
  const host = await startHost(emptyHome())
  const { code } = await host.program.stop()
  if (code !== 0) throw new Error(`the first start ended with ${code}\n${host.program.stderr}`)
  process.env[GRAPHS_VARIABLE] = join(host.home, 'graphs')
  return () => rmSync(host.home, { recursive: true, force: true })
}
