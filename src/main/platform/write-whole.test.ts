import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeWhole, writeWholeNow } from './write-whole.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'switchboard-whole-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test.each([
  ['awaited', writeWhole],
  ['at once', async (path: string, text: string) => writeWholeNow(path, text)],
] as const)('%s: replaces a file, readable by its owner alone, and leaves nothing beside it', async (_, write) => {
  const path = join(folder, 'state.json')
  await write(path, 'a long first text')
  await write(path, 'second')
  expect(await readFile(path, 'utf8')).toBe('second')
  expect((await stat(path)).mode & 0o077).toBe(0)
  expect(await readdir(folder)).toEqual(['state.json'])
  // renaming onto a folder fails: the temporary file goes, the target stays
  await mkdir(join(folder, 'taken'))
  await expect(write(join(folder, 'taken'), 'x')).rejects.toThrow(/EISDIR|EPERM|ENOTEMPTY|EEXIST/)
  expect(await readdir(folder)).toEqual(['state.json', 'taken'])
})
