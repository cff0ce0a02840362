import { getEventIteratorSchemaDetails, type AnyContractProcedure } from '@orpc/contract'
import { consoleContract } from '../../../shared/contracts/console.ts'
import type { FakeConsole } from '../../../shared/contracts/console.fake.ts'
import type { ConsoleHandlers } from '../../console/console-handlers.ts'

type FakeCall = (input: unknown) => Promise<unknown>

/**
 * The fake console, written for the client's side, as handlers of a server: results must be the same through both. The
 * server's signal is not passed on, because the fake takes other options in its place.
 */
export function handlersOf(fake: FakeConsole): ConsoleHandlers {
  const groups = Object.entries(consoleContract).map(([group, procedures]) => {
    const calls = Reflect.get(fake, group) as Readonly<Record<string, FakeCall>>
    const handlers = Object.entries(procedures).map(([name, procedure]) => {
      const call: FakeCall = (input) => (calls[name] as FakeCall)(input)
      return [name, isStream(procedure as AnyContractProcedure) ? (input: unknown) => later(call(input)) : call]
    })
    return [group, Object.fromEntries(handlers)]
  })
  return Object.fromEntries(groups) as ConsoleHandlers
}

function isStream(procedure: AnyContractProcedure): boolean {
  return getEventIteratorSchemaDetails(procedure['~orpc'].outputSchema) !== undefined
}

async function* later(stream: Promise<unknown>): AsyncGenerator<unknown, void, void> {
  yield* (await stream) as AsyncIterable<unknown>
}
