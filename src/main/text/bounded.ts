import { createContext, Script } from 'node:vm'

const context = createContext(Object.create(null) as object)
const script = new Script('work()')

/** A starved machine is given this many times the limit by the clock before the work counts as endless. */
const longestPatience = 16

/**
 * Runs code whose cost a file decides (a template, a regular expression) and ends it once it used `limitMs` of
 * processor
 * time, also in the middle of one endless regular expression. The clock alone would refuse good files on a busy
 * machine, so
 * work that was cut off before it had its time runs again from the start, with more patience: it must be repeatable.
 * What
 * it was working on must be thrown away when this throws.
 * @throws Error with code ERR_SCRIPT_EXECUTION_TIMEOUT, or whatever the work throws.
 */
export function runBounded<Value>(work: () => Value, limitMs: number): Value {
  for (let patience = 1; ; patience *= 2) {
    const before = process.threadCpuUsage()
    try {
      return runUntil(work, limitMs * patience)
    } catch (thrown) {
      const { user, system } = process.threadCpuUsage(before)
      const hadItsTime = (user + system) / 1000 >= 0.9 * limitMs
      if (!isTimeout(thrown) || hadItsTime || patience >= longestPatience) throw thrown
    }
  }
}

function isTimeout(thrown: unknown): boolean {
  // An error of the other context is no instance of this one's Error.
  return (
    typeof thrown === 'object' && thrown !== null && 'code' in thrown && thrown.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  )
}

function runUntil<Value>(work: () => Value, wallMs: number): Value {
  const outer: unknown = Reflect.get(context, 'work')
  let value: { readonly done: Value } | null = null
  Reflect.set(context, 'work', () => {
    value = { done: work() }
  })
  try {
    script.runInContext(context, { timeout: wallMs })
  } finally {
    Reflect.set(context, 'work', outer)
  }
  const result = value as { readonly done: Value } | null
  if (result === null) throw new Error('the bounded work did not run')
  return result.done
}
