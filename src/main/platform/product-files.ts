import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Read-only files shipped with the program. */
export interface ProductFiles {
  readonly version: string
  /** Folder with the demo model and the built-in assistants. */
  readonly resources: string
  /** Folder of the built console page; null when it was not built. */
  readonly renderer: string | null
}

/** Finds the files above this module, which runs from src/main/platform or, bundled, from out/main. */
export function findProductFiles(from: string = import.meta.url): ProductFiles {
  let root = dirname(fileURLToPath(from))
  while (!existsSync(join(root, 'package.json'))) {
    const above = dirname(root)
    if (above === root) throw new Error('package.json of the program was not found')
    root = above
  }
  return productFilesAt(root, join(root, 'resources'))
}

/** {@link findProductFiles} for a host that knows the folders, such as the packaged desktop app. */
export function productFilesAt(root: string, resources: string): ProductFiles {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { readonly version: string }
  const renderer = join(root, 'out', 'renderer')
  return { version, resources, renderer: existsSync(join(renderer, 'index.html')) ? renderer : null }
}
