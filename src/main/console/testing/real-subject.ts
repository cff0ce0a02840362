import type { AnyContractProcedure } from '@orpc/contract'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConsoleClient } from '../../../shared/contracts/console-bridge.ts'
import { consoleContract } from '../../../shared/contracts/console.ts'
import { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { accept } from '../../answering/accept.ts'
import { pipeline } from '../../answering/answer.ts'
import { FakeAnswerer, type FakeScript } from '../../answering/testing/fake-answerer.ts'
import { Resolver, type ResolverOptions } from '../../catalog/resolver.ts'
import { JobService } from '../../jobs/job-service.ts'
import { openStorage } from '../../storage/storage.ts'
import { createConsoleHandlers, type ConsoleHandlers } from '../console-handlers.ts'
import { createTurnService } from '../turns.ts'
import { piecesOf, replyTo, type ConsoleSubject } from './console-subject.ts'

const builtInAssistants = [
  { id: 'web-shop', name: 'Web shop', model: null, systemPrompt: 'You help.', parameters: {} },
  { id: 'plain', name: 'No instructions', model: null, systemPrompt: '', parameters: {} },
]

/** A catalog with the demo model alone. */
const catalog: ResolverOptions['catalog'] = {
  has: async (name) => name === 'demo',
  list: async () => [],
  async find(name) {
    if (name !== 'demo') throw new SwitchboardError('model_not_found', `there is no model named ${name}`)
    return { name, version: 1, precision: 'fp32', contentHash: 'c0ffee' }
  },
}

/** The services of the product over a new database. Only the model is missing: replies come from a script. */
export async function openRealConsole(): Promise<ConsoleSubject> {
  const folder = mkdtempSync(join(tmpdir(), 'console-'))
  const storage = await openStorage({ path: join(folder, 'switchboard.db'), builtInAssistants, workers: false })
  const resolver = new Resolver({ catalog, assistants: storage.assistants, settings: storage.settings })
  storage.onChange(() => resolver.forgetAssistants())

  const answerer = new FakeAnswerer()
  let failure: FakeScript['failure']
  answerer.script = ({ input }) => {
    const question = input.kind === 'chat' ? (input.messages.at(-1)?.content ?? '') : ''
    const script: FakeScript = { deltas: piecesOf(replyTo(question)), ...(failure === undefined ? {} : { failure }) }
    failure = undefined
    return script
  }
  let requests = 0
  const turns = createTurnService({
    conversations: storage.conversations,
    resolver,
    answerer: pipeline([accept], answerer),
    newId: () => `request-${(requests += 1)}`,
  })

  const jobs = new JobService({
    jobs: storage.jobs,
    owner: 'test',
    run: async (_input, { signal }) =>
      await new Promise((_resolve, reject) => {
        const stop = (): void => reject(new SwitchboardError('cancelled', 'the job was stopped'))
        signal.addEventListener('abort', stop, { once: true })
      }),
  })
  let started = 0

  const unused = async (): Promise<never> => {
    throw new Error('no test calls this')
  }
  const handlers = createConsoleHandlers({
    info: { version: '0.0.0', host: 'headless', home: folder },
    storage,
    turns,
    models: { list: async () => [], use: unused },
    engines: { unload: unused },
    jobs,
    status: {
      models: () => ({ models: [], defaultModel: 'demo', missingDefaultModel: null }),
      onEngineChange: () => ({ dispose: () => undefined }),
      endpointUrl: () => null,
      requests: () => turns.counts,
    },
    examine: unused,
    restartEngine: unused,
    openExternal: null,
  })
  return {
    console: clientOf(handlers),
    failNextReply(after, error) {
      failure = { after, error }
    },
    async startJob() {
      const model = `tea-${(started += 1)}`
      return (await jobs.start({ kind: 'import', directory: '/models/tea', model, precision: 'fp32' })).id
    },
    async dispose() {
      await turns.dispose()
      await jobs.dispose()
      await storage.dispose()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

type AnyHandler = (input: unknown, signal: AbortSignal) => unknown

/** The handlers as their caller sees them: an input meets the contract's schema first, as at either carrier. */
function clientOf(handlers: ConsoleHandlers): ConsoleClient {
  const groups = Object.entries(consoleContract).map(([group, procedures]) => {
    const calls = Object.entries(procedures).map(([name, procedure]) => {
      const handler = Reflect.get(Reflect.get(handlers, group) as object, name) as AnyHandler
      const call = async (input: unknown, { signal }: { readonly signal?: AbortSignal } = {}): Promise<unknown> =>
        handler(await parsed(procedure as AnyContractProcedure, input), signal ?? new AbortController().signal)
      return [name, call]
    })
    return [group, Object.fromEntries(calls)]
  })
  return Object.fromEntries(groups) as ConsoleClient
}

async function parsed(procedure: AnyContractProcedure, input: unknown): Promise<unknown> {
  const result = await procedure['~orpc'].inputSchema?.['~standard'].validate(input)
  if (result?.issues !== undefined)
    throw new SwitchboardError('invalid_request', result.issues[0]?.message ?? 'not accepted')
  return result?.value
}
