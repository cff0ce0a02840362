import type { Home } from '../platform/home.ts'
import type { ProductFiles } from '../platform/product-files.ts'
import type { Terminal } from './terminal.ts'

/** Passed to every command. */
export interface CommandContext {
  readonly home: Home
  readonly files: ProductFiles
  readonly terminal: Terminal
  /** Machine-readable output. */
  readonly json: boolean
  readonly signal: AbortSignal
}
