import type { FakeConsole } from '../../../shared/contracts/console.fake.ts'
import type { ConsoleServices } from '../ports.ts'

/** Gives a service its input and keeps the door's signal from it: the fake takes other options there. */
const alone =
  <Input, Output>(service: (input: Input) => Output) =>
  (input: Input): Output =>
    service(input)

/**
 * A fake console from the client's side, as the services of a server: what goes through both must come out the same.
 */
export function servicesOf(fake: FakeConsole): ConsoleServices {
  const { app, conversations, chat, presets, models, keys, settings } = fake
  return {
    app: {
      info: alone(app.info),
      status: () => later(app.status()),
      doctor: alone(app.doctor),
      restartEngine: alone(app.restartEngine),
      openExternal: alone(app.openExternal),
    },
    conversations: {
      list: alone(conversations.list),
      get: alone(conversations.get),
      create: alone(conversations.create),
      update: alone(conversations.update),
      showBranch: alone(conversations.showBranch),
      remove: alone(conversations.remove),
      restore: alone(conversations.restore),
    },
    chat: {
      stop: alone(chat.stop),
      send: (input) => later(chat.send(input)),
      regenerate: (input) => later(chat.regenerate(input)),
    },
    presets: { list: alone(presets.list), save: alone(presets.save), remove: alone(presets.remove) },
    models: { list: alone(models.list) },
    keys: { list: alone(keys.list), create: alone(keys.create), revoke: alone(keys.revoke) },
    settings: { get: alone(settings.get), update: alone(settings.update) },
  }
}

async function* later<Item>(stream: Promise<AsyncIterable<Item>>): AsyncGenerator<Item, void, void> {
  yield* await stream
}
