import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const script = `
  const [{ loadOrtApi }, { findOrtLibrary }, { OrtEnvironment }] = await Promise.all(['api', 'library', 'session'].map((name) => import(new URL(name + '.ts', process.argv[1]).href)))
  new OrtEnvironment(loadOrtApi(findOrtLibrary())).dispose()
  console.log('done')
`

// With telemetry on, the library writes a device id and a queue of events into the home folder and connects to its
// vendor.
it.runIf(process.platform === 'linux')(
  'the runtime keeps no device id and no queue of reports',
  async () => {
    const home = await mkdtemp(join(tmpdir(), 'switchboard-telemetry-'))
    try {
      // Without the variables that silence the library anyway.
      const env = { PATH: process.env['PATH'], HOME: home, TMPDIR: home }
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--input-type=module', '-e', script, import.meta.url],
        { env },
      )
      expect([stdout, await readdir(home, { recursive: true })]).toEqual(['done\n', []])
    } finally {
      await rm(home, { recursive: true, force: true })
    }
  },
  60_000,
)
