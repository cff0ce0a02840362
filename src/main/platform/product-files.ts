import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What comes with the program and is only read. */
export interface ProductFiles {
  readonly version: string
  /** Folder with the demo model and the built-in assistants. */
  readonly resources: string
  /** The built page of the console; null where it was not built. */
  readonly renderer: string | null
}

/** Finds them above this module, which runs from src/main/platform or bundled from out/main. */
export function findProductFiles(from: string = import.meta.url): ProductFiles {
  let root = dirname(fileURLToPath(from))
  while (!existsSync(join(root, 'package.json'))) {
    const above = dirname(root)
    if (above === root) throw new Error('package.json of the program was not found')
    root = above
  }
  return productFilesAt(root, join(root, 'resources'))
}

/** The same where a host knows the folders itself, as a packaged desktop app does. */
export function productFilesAt(root: string, resources: string): ProductFiles {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }
  const renderer = join(root, 'out', 'renderer')
  return { version, resources, renderer: existsSync(join(renderer, 'index.html')) ? renderer : null }
}
