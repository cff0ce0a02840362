import { implement, ORPCError, type Router } from '@orpc/server'
import { ValidationError } from '@orpc/contract'
import { consoleContract } from '../../shared/contracts/console.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { ConsoleServices } from '../http/ports.ts'
import type { Log } from '../platform/log.ts'

/** What a door tells about its connection: undefined while there is room, otherwise a promise of it. */
interface ConsoleContext {
  readonly room: () => Promise<void> | undefined
}

export type ConsoleRouter = Router<typeof consoleContract, ConsoleContext>

const noSignal = new AbortController().signal

/**
 * The console's procedures on the services, for either door (WebSocket, Electron port). Every error crosses as
 * `SWITCHBOARD` with serialised data; what is not ours is logged and becomes `internal`.
 */
export function createConsoleRouter(services: ConsoleServices, log: Log): ConsoleRouter {
  const procedures = implement(consoleContract)
    .$context<ConsoleContext>()
    .use(async ({ next, path }) => {
      try {
        return await next()
      } catch (thrown) {
        throw toWireError(thrown, path.join('.'), log)
      }
    })
  /** A call: its service's value. */
  const call =
    <Input, Output>(service: (input: Input, signal: AbortSignal) => Output | Promise<Output>) =>
    async ({ input, signal }: { input: Input; signal?: AbortSignal | undefined }): Promise<Output> =>
      await service(input, signal ?? noSignal)
  /**
   * A stream: its service's items, each once there is room for it. Leaving it on the other side ends the service's
   * iteration.
   */
  const stream = <Input, Item>(service: (input: Input, signal: AbortSignal) => AsyncIterable<Item>) =>
    async function* ({
      input,
      signal = noSignal,
      path,
      context,
    }: {
      input: Input
      signal?: AbortSignal | undefined
      path: readonly string[]
      context: ConsoleContext
    }): AsyncGenerator<Item, void, void> {
      try {
        for await (const item of untilAborted(service(input, signal), signal)) {
          yield item
          await context.room()
        }
      } catch (thrown) {
        throw toWireError(thrown, path.join('.'), log)
      }
    }
  const { app, conversations, chat, presets, models, keys, settings } = procedures
  return procedures.router({
    app: {
      info: app.info.handler(call(services.app.info)),
      status: app.status.handler(stream(services.app.status)),
      doctor: app.doctor.handler(call(services.app.doctor)),
      restartEngine: app.restartEngine.handler(call(services.app.restartEngine)),
      openExternal: app.openExternal.handler(call(services.app.openExternal)),
    },
    conversations: {
      list: conversations.list.handler(call(services.conversations.list)),
      get: conversations.get.handler(call(services.conversations.get)),
      create: conversations.create.handler(call(services.conversations.create)),
      update: conversations.update.handler(call(services.conversations.update)),
      showBranch: conversations.showBranch.handler(call(services.conversations.showBranch)),
      remove: conversations.remove.handler(call(services.conversations.remove)),
      restore: conversations.restore.handler(call(services.conversations.restore)),
    },
    chat: {
      send: chat.send.handler(stream(services.chat.send)),
      regenerate: chat.regenerate.handler(stream(services.chat.regenerate)),
      stop: chat.stop.handler(call(services.chat.stop)),
    },
    presets: {
      list: presets.list.handler(call(services.presets.list)),
      save: presets.save.handler(call(services.presets.save)),
      remove: presets.remove.handler(call(services.presets.remove)),
    },
    models: { list: models.list.handler(call(services.models.list)) },
    keys: {
      list: keys.list.handler(call(services.keys.list)),
      create: keys.create.handler(call(services.keys.create)),
      revoke: keys.revoke.handler(call(services.keys.revoke)),
    },
    settings: {
      get: settings.get.handler(call(services.settings.get)),
      update: settings.update.handler(call(services.settings.update)),
    },
  })
}

/** Ends when the signal aborts, even while the source is silent. */
async function* untilAborted<Item>(source: AsyncIterable<Item>, signal: AbortSignal): AsyncGenerator<Item, void, void> {
  const iterator = source[Symbol.asyncIterator]()
  let wake: () => void = () => undefined
  const aborted = new Promise<null>((resolve) => (wake = () => resolve(null)))
  signal.addEventListener('abort', wake, { once: true })
  try {
    while (!signal.aborted) {
      const step = iterator.next()
      const result = await Promise.race([step, aborted])
      if (result === null) {
        // the source was told by the same signal; how it ends no longer matters to anyone
        step.catch(() => undefined)
        return
      }
      if (result.done === true) return
      yield result.value
    }
  } finally {
    signal.removeEventListener('abort', wake)
    void iterator.return?.()?.catch(() => undefined)
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
