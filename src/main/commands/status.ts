import type { Home } from '../platform/home.ts'
import { findRunning } from '../platform/run-file.ts'
import { readSecret } from '../platform/secret-file.ts'
import type { Terminal } from './terminal.ts'

/** Prints the console address with its key, and the endpoint, of the running instance. Exit code 1 when none runs. */
export function showStatus({
  home,
  terminal,
  json,
}: {
  readonly home: Home
  readonly terminal: Terminal
  readonly json: boolean
}): number {
  const run = findRunning(home.runFile)
  if (run === null) {
    if (json) terminal.out(`${JSON.stringify({ running: false })}\n`)
    else terminal.err('Switchboard is not running with this home folder.\nStart it with: switchboard serve\n')
    return 1
  }
  const origin = `http://127.0.0.1:${run.port}`
  const secret = readSecret(home.consoleKey)
  const endpoint = `${origin}/v1`
  const console = secret === null ? null : `${origin}/console/#key=${secret}`
  if (json) terminal.out(`${JSON.stringify({ running: true, pid: run.pid, endpoint, console })}\n`)
  else terminal.out(`${console === null ? '' : `console ${console}\n`}endpoint ${endpoint}\n`)
  return 0
}
