import { parseArgs } from 'node:util'

export interface BenchOptions {
  readonly rounds: number
  /** Name of a model shape; the demo model has its own. */
  readonly shape: string
}

/**
 * The options of all tables; start.mjs passes all of them to each.
 * @throws TypeError for an unknown option, RangeError for an invalid value.
 */
export function benchOptions(
  args: readonly string[],
  usualRounds: { readonly quick: number; readonly full: number },
): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      shape: { type: 'string', default: '0.5b' },
      only: { type: 'string' },
    },
  })
  const rounds = Number(values.rounds ?? (values.quick ? usualRounds.quick : usualRounds.full))
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new RangeError(`--rounds ${String(values.rounds)} is not a positive whole number`)
  return { rounds, shape: values.shape }
}
