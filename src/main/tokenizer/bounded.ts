import { createContext, Script } from 'node:vm'

const context = createContext(Object.create(null) as object)
const script = new Script('work()')

/**
 * Runs code whose cost a file decides (a template, a regular expression) and ends it after `limitMs`, also in the middle
 * of one endless regular expression. What the code was working on must be thrown away when this throws.
 * @throws Error with code ERR_SCRIPT_EXECUTION_TIMEOUT, or whatever the work throws.
 */
export function runBounded<Value>(work: () => Value, limitMs: number): Value {
  const outer: unknown = Reflect.get(context, 'work')
  let value: { readonly done: Value } | null = null
  Reflect.set(context, 'work', () => { value = { done: work() } })
  try {
    script.runInContext(context, { timeout: limitMs })
  } finally {
    Reflect.set(context, 'work', outer)
  }
  const result = value as { readonly done: Value } | null
  if (result === null) throw new Error('the bounded work did not run')
  return result.done
}
