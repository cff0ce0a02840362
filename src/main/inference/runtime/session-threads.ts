import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/**
 * Useful number of worker threads: one per physical core available to this process. Two threads on one core share its
 * matrix unit and only wait for each other.
 */
export function physicalCores(): number {
  const usable = availableParallelism()
  if (process.platform !== 'linux') return Math.max(1, process.arch === 'x64' ? Math.ceil(usable / 2) : usable)
  let text: string
  try {
    text = readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    // Without /proc, cores cannot be told from threads; using all is the smaller mistake.
    return usable
  }
  return Math.max(1, Math.min(usable, countCores(text) || usable))
}

/** Distinct (socket, core) pairs of /proc/cpuinfo; 0 when it does not list them (arm64). Pure. */
export function countCores(cpuinfo: string): number {
  const seen = new Set<string>()
  let socket = ''
  for (const line of cpuinfo.split('\n')) {
    const [name, value] = line.split(':').map((part) => part.trim())
    if (name === 'physical id') socket = value ?? ''
    if (name === 'core id') seen.add(`${socket}/${value ?? ''}`)
  }
  return seen.size
}

/** Weights that one thread reads in about the time it takes to wake another. */
const BYTES_PER_THREAD = 32 * 1024 * 1024

/** Time that a waiting worker spins before it sleeps, µs: longer than the gap between two operators. */
const SPIN_US = 200

/**
 * Threads of a session and how they wait. Pure.
 *
 * A small graph gains less from a second thread than the two lose by waiting for each other (27 MB of weights on two
 * busy cores: 985 tokens/s with one thread, 580 with two). A step of a large graph has over a hundred parallel
 * operators: workers that sleep between them cost a fifth of it, and workers that spin for ever take cores from other
 * programs. So they spin briefly, and not at all after the step (318 MB on two cores: 46 tokens/s asleep, 56 spinning).
 * @param wanted threads asked for; 0 lets this function decide.
 */
export function sessionThreads(
  wanted: number,
  weightBytes: number,
  cores: number,
): { readonly count: number; readonly config: Readonly<Record<string, string>> } {
  const count = wanted > 0 ? wanted : Math.max(1, Math.min(cores, Math.ceil(weightBytes / BYTES_PER_THREAD)))
  return {
    count,
    config: {
      'session.intra_op.allow_spinning': '1',
      'session.intra_op.spin_duration_us': String(SPIN_US),
      'session.force_spinning_stop': '1',
    },
  }
}
