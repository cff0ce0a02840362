/** The output of the bench: rows with a figure and, for some, a target. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'

export interface Row {
  readonly name: string
  /** Median and spread, ready to print. */
  readonly value: string
  readonly target?: Target
}

export interface Target {
  readonly value: number
  readonly relation: '>=' | '<='
  readonly limit: number
}

export function atLeast(value: number, limit: number): Target {
  return { value, relation: '>=', limit }
}

export function atMost(value: number, limit: number): Target {
  return { value, relation: '<=', limit }
}

export function holds({ value, relation, limit }: Target): boolean {
  return relation === '>=' ? value >= limit : value <= limit
}

/** Prints the table; a missed target sets exit code 1. */
export function printTable(title: string, rows: readonly Row[]): void {
  const cells = rows.map(({ name, value, target }) => [
    name,
    value,
    target === undefined ? '' : `${target.relation} ${target.limit}`,
    target === undefined ? '' : holds(target) ? 'holds' : 'MISSED',
  ])
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => (row[column] ?? '').length)))
  console.log(`\n${title}`)
  for (const row of cells)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  if (rows.some(({ target }) => target !== undefined && !holds(target))) process.exitCode = 1
}

export function machine(): string {
  return `${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'})`
}

/** Writes all figures behind a table to bench/results/NAME.json. */
export function keepResults(name: string, rows: readonly Row[], figures: Readonly<Record<string, unknown>>): void {
  const directory = join(import.meta.dirname, 'results')
  mkdirSync(directory, { recursive: true })
  const table = rows.map((row) => ({ ...row, ...(row.target === undefined ? {} : { holds: holds(row.target) }) }))
  writeFileSync(
    join(directory, `${name}.json`),
    `${JSON.stringify({ measuredAt: new Date().toISOString(), machine: machine(), table, ...figures }, null, 2)}\n`,
  )
}
