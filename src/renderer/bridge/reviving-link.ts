import { ORPCError, type ClientContext, type ClientLink, type ClientOptions } from '@orpc/client'
import { revive, SwitchboardError, type SerialisedError } from '../../shared/errors/switchboard-error.ts'

/** The error a person can be shown: one of the catalogue, whatever the wire threw. */
export function toSwitchboardError(thrown: unknown): SwitchboardError {
  if (thrown instanceof SwitchboardError) return thrown
  if (thrown instanceof ORPCError) {
    if (thrown.code === 'SWITCHBOARD') return revive(thrown.data as SerialisedError)
    if (thrown.code === 'BAD_REQUEST') return new SwitchboardError('invalid_request', thrown.message, { cause: thrown })
    return new SwitchboardError('internal', thrown.message, { cause: thrown })
  }
  // The peer throws plain errors only when the wire closed under a call.
  return new SwitchboardError('disconnected', thrown instanceof Error ? thrown.message : 'The connection closed.', {
    cause: thrown,
  })
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

async function* revivingStream(source: AsyncIterable<unknown>): AsyncGenerator<unknown, undefined, void> {
  try {
    for await (const event of source) yield event
  } catch (thrown) {
    throw toSwitchboardError(thrown)
  }
}

/** A link whose every failure, in a call or in the middle of a stream, is a {@link SwitchboardError}. */
export function revivingLink<Context extends ClientContext>(current: () => ClientLink<Context>): ClientLink<Context> {
  return {
    async call(path: readonly string[], input: unknown, options: ClientOptions<Context>): Promise<unknown> {
      try {
        const output = await current().call(path, input, options)
        return isStream(output) ? revivingStream(output) : output
      } catch (thrown) {
        throw toSwitchboardError(thrown)
      }
    },
  }
}
