import { chmodSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readOrCreateSecret, readSecret } from './secret-file.ts'

let folder: string
let path: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'secret-'))
  path = join(folder, 'console-key')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('a secret is made once, and its file is private', () => {
  const secret = readOrCreateSecret(path)
  expect(secret).toMatch(/^[0-9A-Za-z_-]{43}$/)
  expect(readOrCreateSecret(path)).toBe(secret)
  expect(readSecret(path)).toBe(secret)
  if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600)
})

test.skipIf(process.platform === 'win32')('a file that another user could have written is replaced', () => {
  const planted = 'p'.repeat(43)
  writeFileSync(path, planted)
  chmodSync(path, 0o666)
  expect(readOrCreateSecret(path)).not.toBe(planted)
  const elsewhere = join(folder, 'elsewhere')
  writeFileSync(elsewhere, planted, { mode: 0o600 })
  rmSync(path)
  symlinkSync(elsewhere, path)
  expect(readOrCreateSecret(path)).not.toBe(planted)
  expect(readSecret(elsewhere)).toBe(planted)
})
