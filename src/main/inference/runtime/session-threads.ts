import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/**
 * Worker threads that pay off: one per physical core that this process may use. Two threads on one core share the unit
 * that
 * multiplies matrices and only wait for each other.
 */
export function physicalCores(): number {
  const usable = availableParallelism()
  if (process.platform !== 'linux') return Math.max(1, process.arch === 'x64' ? Math.ceil(usable / 2) : usable)
  let text: string
  try {
    text = readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    // Without /proc nothing tells threads from cores; taking all is the mild mistake.
    return usable
  }
  return Math.max(1, Math.min(usable, countCores(text) || usable))
}

/** Distinct (socket, core) pairs of /proc/cpuinfo; 0 where it does not name them (arm64). Pure. */
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

/** Weights one thread reads in about the time that waking another one takes. */
const BYTES_PER_THREAD = 32 * 1024 * 1024

/**
 * A worker that waits for its next part of a step looks for it this long, µs, before it sleeps: longer than the gap
 * between two operators.
 */
const SPIN_US = 200

/**
 * Threads of a session and how they wait. Pure.
 *
 * A small graph gains less from a second thread than the two lose in waiting for each other (27 MB of weights on two
 * busy
 * cores: 985 tokens/s with one thread, 580 with two). A step of a large one has over a hundred parallel operators:
 * workers
 * that sleep between them cost a fifth of it, workers that spin for good take their cores from the program around them.
 * So
 * they spin for a moment, and not at all once the step has ended (318 MB on two cores: 46 tokens/s asleep, 56 so).
 * @param wanted threads asked for; 0 leaves it to this function.
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
