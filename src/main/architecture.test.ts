import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, posix, sep } from 'node:path'
import { parseSync } from 'vite'
import { describe, expect, test } from 'vitest'
import { arrowOf, brokenReservation, brokenRule, roomOf, rooms } from './architecture.ts'

const source = dirname(import.meta.dirname)

/** Every module a file names, however it does: static, re-export, type-only, dynamic, `import()` in a type. */
function importsOf(path: string, text: string): readonly string[] {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`)
  const found: string[] = []
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const member of node) visit(member)
    } else if (typeof node === 'object' && node !== null) {
      const { type, source: named } = node as {
        readonly type?: string
        readonly source?: { readonly value?: unknown } | null
      }
      if (
        /^(Import|Export\w*|TSImport)(Declaration|Expression|Type)$/.test(type ?? '') &&
        named !== null &&
        named !== undefined
      ) {
        if (typeof named.value !== 'string')
          throw new Error(`${path} imports a name that is computed; the table cannot hold it`)
        found.push(named.value)
      }
      for (const member of Object.values(node)) visit(member)
    }
  }
  visit(program)
  return found
}

/** What is wrong with the imports of one file, a line each. `path` is below src, with forward slashes. */
function brokenImports(path: string, text: string): readonly string[] {
  return importsOf(path, text).flatMap((name) => {
    const target = posix.normalize(posix.join(posix.dirname(path), name.replace(/\?.*$/, '')))
    const rule = name.startsWith('.') ? brokenRule(path, target) : brokenReservation(path, name)
    return rule === null ? [] : [`src/${path} imports ${name}: ${rule}`]
  })
}

const files = globSync('**/*.{ts,tsx}', { cwd: source }).map((path) => path.split(sep).join('/'))

describe('the reader of imports', () => {
  test('sees every way to name a module', () => {
    const text = `
      import type { A } from './type-only.ts'
      import { type B, c } from './mixed.ts'
      import './for-effect.css'
      export * from './all.ts'
      export type { D } from './named.ts'
      const lazy = async () => (await import('./dynamic.ts')).x
      type E = import('./in-type.ts').E
      // import './comment.ts'
      const f = "import './string.ts'"
    `
    expect(importsOf('x.ts', text)).toEqual([
      './type-only.ts',
      './mixed.ts',
      './for-effect.css',
      './all.ts',
      './named.ts',
      './dynamic.ts',
      './in-type.ts',
    ])
    expect(importsOf('x.tsx', `const page = <p>{import('./page.tsx')}</p>`)).toEqual(['./page.tsx'])
  })

  test('refuses a computed name', () => {
    expect(() => importsOf('x.ts', 'export const load = (name: string) => import(name)')).toThrow('computed')
  })
})

describe('the table', () => {
  test.each([
    ['shared/domain/model.ts', '../../main/platform/home.ts'],
    ['main/http/host-check.ts', '../engine-client/engine-supervisor.ts'],
    ['main/inference/engine.ts', '../platform/log.ts'],
    ['main/inference/engine.ts', '../text/tokenizer.ts'],
    ['main/inference/process.ts', '../storage/storage.ts'],
    ['main/backend.ts', './inference/engine.ts'],
    ['main/headless.ts', './desktop/menus.ts'],
    ['renderer/features/chat/chat-page.tsx', '../settings/settings-page.tsx'],
    ['renderer/features/chat/chat-page.tsx', '../../app/theme.ts'],
    ['renderer/bridge/connect.ts', '../../main/console/console-router.ts'],
    ['preload/index.ts', '../main/desktop/page-file.ts'],
    ['preload/index.ts', 'node:fs'],
    ['main/cli.ts', 'electron'],
    ['main/http/host-check.ts', 'electron/main'],
    ['main/http/host-check.ts', 'onnxruntime-node'],
    ['shared/base/brand.ts', 'node:crypto'],
    ['new-folder/x.ts', '../shared/base/brand.ts'],
  ])('%s may not import %s', (path, name) => {
    expect(brokenImports(path, `import type { X } from '${name}'`)).toHaveLength(1)
  })

  test('names only rooms that it holds, and arrows make no circle', () => {
    const reached = (room: string, trail: readonly string[]): void => {
      if (trail.includes(room)) throw new Error(`circle: ${[...trail, room].join(' -> ')}`)
      const next: readonly string[] | undefined = rooms[room as keyof typeof rooms]
      if (next === undefined) throw new Error(`${trail.at(-1)} names ${room}, which is no room`)
      for (const other of next) reached(other, [...trail, room])
    }
    expect(() => Object.keys(rooms).forEach((room) => reached(room, []))).not.toThrow()
  })
})

describe('the source', () => {
  test('was found', () => {
    expect(new Set(files.map((path) => path.split('/')[0]))).toEqual(new Set(['shared', 'preload', 'main', 'renderer']))
    expect(files.filter((path) => roomOf(path) === null)).toEqual([])
  })

  test('leans only where the table allows', () => {
    expect(files.flatMap((path) => brokenImports(path, readFileSync(join(source, path), 'utf8')))).toEqual([])
  })

  test('uses every arrow that the table allows', () => {
    const used = new Set(
      files.flatMap((path) =>
        importsOf(path, readFileSync(join(source, path), 'utf8'))
          .filter((name) => name.startsWith('.'))
          .map((name) => arrowOf(path, posix.normalize(posix.join(posix.dirname(path), name)))),
      ),
    )
    const allowed = Object.entries(rooms).flatMap(([room, others]) => others.map((other) => `${room} -> ${other}`))
    expect(allowed.filter((arrow) => !used.has(arrow))).toEqual([])
  })

  test('names only files that exist, with their full name', () => {
    const missing = files.flatMap((path) =>
      importsOf(path, readFileSync(join(source, path), 'utf8'))
        .filter((name) => name.startsWith('.') && !existsSync(join(source, dirname(path), name.replace(/\?.*$/, ''))))
        .map((name) => `src/${path} imports ${name}`),
    )
    expect(missing).toEqual([])
  })
})
