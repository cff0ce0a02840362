import { getEventIteratorSchemaDetails, ValidationError, type AnyContractProcedure } from '@orpc/contract'
import { implement, ORPCError, type Router } from '@orpc/server'
import { consoleContract } from '../../shared/contracts/console.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Log } from '../platform/log.ts'
import type { ConsoleHandlers } from './console-handlers.ts'

/** What a connection tells of itself: undefined while there is room, otherwise a promise of it. */
interface ConsoleContext {
  readonly room: () => Promise<void> | undefined
}

export type ConsoleRouter = Router<typeof consoleContract, ConsoleContext>

type AnyHandler = (input: unknown, signal: AbortSignal) => unknown

interface Call {
  readonly input: unknown
  readonly signal?: AbortSignal | undefined
  readonly path: readonly string[]
  readonly context: ConsoleContext
}

const noSignal = new AbortController().signal

/**
 * The console's procedures over their handlers, for either carrier (WebSocket, Electron port). Every error crosses as
 * `SWITCHBOARD` with serialised data; what is not ours is logged and becomes `internal`.
 */
export function createConsoleRouter(handlers: ConsoleHandlers, log: Log): ConsoleRouter {
  const procedures = implement(consoleContract)
    .$context<ConsoleContext>()
    .use(async ({ next, path }) => {
      try {
        return await next()
      } catch (thrown) {
        throw toWireError(thrown, path.join('.'), log)
      }
    })
  const groups = Object.entries(consoleContract).map(([group, contract]) => [
    group,
    Object.fromEntries(
      Object.entries(contract).map(([name, procedure]) => {
        const handler = pick(handlers, group, name) as AnyHandler
        const implementer = pick(procedures, group, name) as { handler(work: (call: Call) => unknown): unknown }
        const answer = isStream(procedure as AnyContractProcedure) ? stream(handler, log) : call(handler)
        return [name, implementer.handler(answer)]
      }),
    ),
  ])
  return procedures.router(Object.fromEntries(groups) as Parameters<typeof procedures.router>[0])
}

function pick(of: object, group: string, name: string): unknown {
  return Reflect.get(Reflect.get(of, group) as object, name)
}

function isStream(procedure: AnyContractProcedure): boolean {
  return getEventIteratorSchemaDetails(procedure['~orpc'].outputSchema) !== undefined
}

function call(handler: AnyHandler) {
  return async ({ input, signal = noSignal }: Call): Promise<unknown> => await handler(input, signal)
}

/** Items leave once there is room for them. Leaving the stream on the other side ends the handler's iteration. */
function stream(handler: AnyHandler, log: Log) {
  return async function* ({ input, signal = noSignal, path, context }: Call): AsyncGenerator<unknown, void, void> {
    try {
      for await (const item of handler(input, signal) as AsyncIterable<unknown>) {
        yield item
        await context.room()
      }
    } catch (thrown) {
      throw toWireError(thrown, path.join('.'), log)
    }
  }
}

function toWireError(thrown: unknown, path: string, log: Log): ORPCError<'SWITCHBOARD', ReturnType<typeof serialise>> {
  if (thrown instanceof ORPCError && thrown.code === 'SWITCHBOARD') return thrown
  const error =
    thrown instanceof ORPCError && thrown.cause instanceof ValidationError ? invalidInput(thrown.cause) : thrown
  const data = serialise(error)
  if (data.code === 'internal') log.error({ path, error }, 'a console call failed unexpectedly')
  return new ORPCError('SWITCHBOARD', { defined: true, message: data.message, data })
}

/** The first fault the contract's schema found, naming the field but not what was in it. */
function invalidInput(failure: ValidationError): SwitchboardError {
  const issue = failure.issues[0]
  const param = (issue?.path ?? []).map((step) => String(typeof step === 'object' ? step.key : step)).join('.')
  return new SwitchboardError('invalid_request', `Invalid value for '${param}': ${issue?.message ?? 'not accepted'}.`, {
    param,
  })
}
