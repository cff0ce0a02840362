import { execFileSync } from 'node:child_process'
import { link, mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openRegularFile } from './open-regular-file.ts'

let root: string
let directory: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'switchboard-open-'))
  directory = join(root, 'folder')
  await mkdir(directory)
  await writeFile(join(directory, 'file'), 'content')
  await writeFile(join(directory, '../secret'), 'secret')
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function contentOf(name: string): Promise<string | null> {
  const source = await openRegularFile(directory, name)
  if (source === null) return null
  try {
    const bytes = new Uint8Array(source.size)
    await source.read(bytes, 0)
    return new TextDecoder().decode(bytes)
  } finally {
    await source.close()
  }
}

test('reads files, links within the folder and hard links, which are plain files', async () => {
  await symlink('file', join(directory, 'inside'))
  await link(join(directory, 'file'), join(directory, 'hard'))
  expect(await Promise.all(['file', 'inside', 'hard', 'missing'].map(contentOf))).toEqual([
    'content',
    'content',
    'content',
    null,
  ])
})

test('a link to the folder itself is followed', async () => {
  await symlink(directory, join(directory, '../alias'))
  directory = join(directory, '../alias')
  expect(await contentOf('file')).toBe('content')
})

test('a link to nothing and a loop of links are files that do not exist', async () => {
  await symlink('nowhere', join(directory, 'broken'))
  await symlink('loop', join(directory, 'loop'))
  expect([await contentOf('broken'), await contentOf('loop')]).toEqual([null, null])
})

describe.skipIf(process.platform === 'win32')('refuses', () => {
  test.each(['../secret', '/etc/passwd', 'a/b', '..', '', 'x\0y'])('the name %j', async (name) => {
    await expect(openRegularFile(directory, name)).rejects.toMatchObject({ code: 'not_a_model_folder' })
  })

  test('links that lead out of the folder, directly or through a folder', async () => {
    await symlink('../secret', join(directory, 'relative'))
    await symlink('/etc/passwd', join(directory, 'absolute'))
    await symlink('/dev/zero', join(directory, 'device'))
    for (const name of ['relative', 'absolute', 'device'])
      await expect(openRegularFile(directory, name)).rejects.toMatchObject({
        code: 'not_a_model_folder',
        details: { file: name },
      })
  })

  test('a pipe, without waiting for a writer, and a folder', async () => {
    execFileSync('mkfifo', [join(directory, 'pipe')])
    await mkdir(join(directory, 'sub'))
    for (const name of ['pipe', 'sub'])
      await expect(openRegularFile(directory, name)).rejects.toMatchObject({ code: 'not_a_model_folder' })
  })
})

test('a file that shrinks while it is read is an error, not zeros', async () => {
  const source = await openRegularFile(directory, 'file')
  await truncate(join(directory, 'file'), 3)
  await expect(source?.read(new Uint8Array(7), 0)).rejects.toMatchObject({ code: 'model_corrupt' })
  await source?.close()
})
