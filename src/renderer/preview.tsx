import { fakeJobs, fakeModelStatus, fakeSecondModel, fakeStatus } from '../shared/contracts/console.fake-data.ts'
import { FakeConsole } from '../shared/contracts/console.fake.ts'
import { SwitchboardError } from '../shared/errors/switchboard-error.ts'
import { startApp } from './app/start.tsx'

// The interface on the fake console, for looking at it without the program:
// preview.html?language=zh-CN&theme=dark&welcomed=1
// `two`: a second model is loaded; `jobs`: long work; `down=provider|model|crash`: the engine is down; `gone`: the
// defaults are gone; `empty`: no conversations; `many=400`: that many of them.
const query = new URLSearchParams(window.location.search)
const language = query.get('language')
const theme = query.get('theme')
const fake = new FakeConsole({
  wait: () => new Promise((resolve) => setTimeout(resolve, Number(query.get('pace') ?? 30))),
  now: Date.now,
  settings: {
    language: language === 'zh-CN' || language === 'en' ? language : 'auto',
    theme: theme === 'dark' || theme === 'light' ? theme : 'auto',
    welcomed: query.has('welcomed'),
  },
  ...(query.has('empty') ? { conversations: [] } : {}),
  ...(query.has('two') ? { status: { ...fakeStatus, models: [fakeModelStatus, fakeSecondModel] } } : {}),
  ...(query.has('jobs') ? { jobs: fakeJobs(Date.now()) } : {}),
})
const down = query.get('down')
if (down !== null) {
  const error = {
    provider: { code: 'provider_unavailable', message: 'cuda: no driver; cpu: not allowed by the settings' },
    model: { code: 'model_not_found', message: 'there is no model demo' },
    crash: { code: 'engine_failed', message: 'the engine ended 3 times with signal SIGKILL' },
  } as const
  fake.setStatus({
    ...fakeStatus,
    models: [
      {
        ...fakeModelStatus,
        state: {
          kind: 'failed',
          model: 'demo',
          error: error[down === 'provider' || down === 'model' ? down : 'crash'],
        },
        since: Date.now() - 240_000,
        memoryBytes: 0,
      },
    ],
  })
  if (down === 'provider') await fake.settings.update({ providers: { prefer: 'auto', allowCpu: false } })
}
if (query.has('gone')) await fake.settings.update({ defaultModel: 'tea-13b', defaultAssistantId: 'removed' })
const many = Number(query.get('many') ?? 0)
if (many > 0) await fillWith(many)
const failure = query.get('fail')
if (failure !== null)
  fake.failure = {
    afterDeltas: 8,
    error: new SwitchboardError('engine_crashed', `The engine process ended (${failure}).`),
  }

await startApp({ client: fake, state: () => ({ kind: 'open' }), watch: () => () => undefined, retry: () => undefined })

/** A busy desk: this many conversations, and one with as many messages. */
async function fillWith(count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const { id } = await fake.conversations.create({})
    await fake.conversations.update({ id, title: `Conversation ${index}` })
  }
  const long = await fake.conversations.create({})
  const quick = new FakeConsole({ conversations: [long], now: Date.now })
  for (let index = 0; index < count / 2; index += 1) {
    for await (const event of await quick.chat.send({
      conversationId: long.id,
      text: `Question ${index}: where is **my** order?`,
    }))
      if (event.kind === 'ended') break
  }
  fake.adopt({ ...(await quick.conversations.get({ id: long.id })), title: 'The long one' })
}
