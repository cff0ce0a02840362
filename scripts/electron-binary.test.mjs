import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

let folder
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchboard-electron-'))
  mkdirSync(join(folder, 'scripts'))
  for (const name of readdirSync(import.meta.dirname))
    if (!name.includes('.test.')) cpSync(join(import.meta.dirname, name), join(folder, 'scripts', name))
  mkdirSync(join(folder, 'node_modules', 'electron'), { recursive: true })
  writeFileSync(join(folder, 'node_modules', 'electron', 'package.json'), '{ "version": "1.2.3" }')
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

const refusal = () => join(folder, 'node_modules', '.switchboard', 'electron-refused')

/** Fetches in a checkout of its own, with an installer that behaves as told; what came of it and what was said. */
function fetched(installer, options = '{ silentMs: 4000 }') {
  writeFileSync(
    join(folder, 'node_modules', 'electron', 'install.js'),
    `
    const fs = require('node:fs'), os = require('node:os'), path = require('node:path')
    fs.appendFileSync(path.join(__dirname, 'runs'), (process.env.PINNED ?? 'other') + '\\n')
    const part = fs.mkdtempSync(path.join(os.tmpdir(), 'electron-download-'))
    ${installer}`,
  )
  const script = `import(${JSON.stringify(pathToFileURL(join(folder, 'scripts', 'electron-binary.mjs')).href)}).then(async (binary) => console.log(JSON.stringify(await binary.fetchElectron(${options}))))`
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { cwd: folder, encoding: 'utf8' })
  return { program: JSON.parse(stdout), said: stderr }
}

const runs = () =>
  readFileSync(join(folder, 'node_modules', 'electron', 'runs'), 'utf8')
    .trim()
    .split('\n')
const restHours = () =>
  existsSync(refusal()) ? Math.round((JSON.parse(readFileSync(refusal(), 'utf8')).until - Date.now()) / 3_600_000) : 0
const unpack = `fs.mkdirSync(path.join(__dirname, 'dist')); fs.writeFileSync(path.join(__dirname, 'dist', 'electron'), ''); fs.writeFileSync(path.join(__dirname, 'path.txt'), 'electron')`

describe('fetching the program of Electron', () => {
  test('takes as long as bytes arrive', () => {
    // Five seconds in all, where four without a byte are the end.
    const slow = `let parts = 0; setInterval(() => { fs.appendFileSync(path.join(part, 'zip'), 'x'); parts += 1; if (parts === 10) { ${unpack}; process.exit(0) } }, 500)`
    expect(fetched(slow).program).toBe(join(folder, 'node_modules', 'electron', 'dist', 'electron'))
    expect(readdirSync(join(folder, 'node_modules', '.switchboard'))).toEqual([])
  })

  test('a download that stops on its way is given up, and tried again at the next start', () => {
    const stalls = `fs.writeFileSync(path.join(part, 'zip'), 'x'); setInterval(() => undefined, 1000)`
    expect(fetched(stalls)).toMatchObject({ program: null, said: expect.stringContaining('Nothing more arrived') })
    expect(restHours()).toBe(0)
    expect(fetched(unpack).program).not.toBe(null)
  })

  test.each([
    ['a refusal', `console.error('TypeError: fetch failed'); process.exit(1)`, 24],
    ['silence', `setInterval(() => undefined, 1000)`, 1],
    [
      'a download that broke',
      `fs.writeFileSync(path.join(part, 'zip'), 'x'); setTimeout(() => process.exit(1), 500)`,
      1,
    ],
  ])('%s is remembered, but for one who asks again', (_, installer, hours) => {
    expect(fetched(installer).program).toBe(null)
    expect(restHours()).toBe(hours)
    fetched(installer)
    expect(runs()).toHaveLength(1)
    expect(fetched(unpack, '{ again: true }').program).not.toBe(null)
  })

  test.skipIf(process.platform === 'win32')('runs under the Node that came with the dependencies', () => {
    const bin = join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin')
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'node'), `#!/bin/sh\nPINNED=pinned exec '${process.execPath}' "$@"\n`, { mode: 0o755 })
    fetched(unpack)
    expect(runs()).toEqual(['pinned'])
  })
})
