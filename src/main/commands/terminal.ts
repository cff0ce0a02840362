import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'

/** Where a command writes: its result to `out`, everything else to `err`. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
}

/** Lays out a table with columns as wide as their widest cell. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

/** A time to the minute, UTC; `-` for null. */
export function when(ms: number | null): string {
  return ms === null ? '-' : new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}

/** `code: message`, then the hint. */
export function describe(thrown: unknown): { readonly text: string; readonly exitCode: number } {
  const error =
    thrown instanceof SwitchboardError
      ? thrown
      : new SwitchboardError('internal', thrown instanceof Error ? thrown.message : serialise(thrown).message)
  return {
    text: `${error.code}: ${error.message}\n${error.entry.hint}\n`,
    exitCode: error.code === 'invalid_arguments' ? 2 : 1,
  }
}

export const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
export const millions = (count: number): string => `${(count / 1e6).toFixed(1)} M`
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
export const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`

/** Writes progress to `err`, one line per tenth of a step. */
export function progressTo(terminal: Terminal): (fraction: number, step: string) => void {
  let shown = ''
  return (fraction, step) => {
    const line = `${step} ${Math.floor(fraction * 10) * 10} %`
    if (line === shown) return
    shown = line
    terminal.err(`${line}\n`)
  }
}
