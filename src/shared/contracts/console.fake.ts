import { Emitter } from '../base/emitter.ts'
import { isKeyName, type ApiKey } from '../domain/api-key.ts'
import type { Change } from '../domain/change.ts'
import type { Conversation, ConversationSummary, Message } from '../domain/conversation.ts'
import type { Job } from '../domain/job.ts'
import type { ModelSummary } from '../domain/model.ts'
import { defaultSettings, type Settings } from '../domain/settings.ts'
import type { AppStatus, ModelStatus } from '../domain/status.ts'
import { SwitchboardError } from '../errors/switchboard-error.ts'
import type { ConsoleClient } from './console-bridge.ts'
import { FakeAssistants } from './console.fake-assistants.ts'
import {
  fakeAssistants,
  fakeConversations,
  fakeDoctor,
  fakeKeys,
  fakeModels,
  fakeModelStatus,
  fakeReply,
  fakeStatus,
} from './console.fake-data.ts'
import { changeStream, valueStream } from './console.fake-streams.ts'
import { FakeTurns, type FakeFailure } from './console.fake-turns.ts'

export interface FakeConsoleOptions {
  /** Awaited before each delta; default: no waiting. */
  readonly wait?: () => Promise<void>
  /** Milliseconds since the epoch; default: a counter, so that tests are the same every time. */
  readonly now?: () => number
  readonly conversations?: readonly Conversation[]
  readonly settings?: Partial<Settings>
  readonly status?: AppStatus
  readonly models?: readonly ModelSummary[]
  readonly jobs?: readonly Job[]
  /** The reply to a question. */
  readonly reply?: (question: string) => string
}

/** The whole console in memory: no process, no wire. Implements what the GUI calls, with the contract's own rules. */
export class FakeConsole implements ConsoleClient {
  readonly #conversations = new Map<string, Conversation>()
  readonly #removed = new Set<string>()
  readonly #statusChanged = new Emitter<AppStatus>()
  readonly #changed = new Emitter<Change>()
  readonly #jobsChanged = new Emitter<readonly Job[]>()
  readonly #wait: () => Promise<void>
  readonly #now: () => number
  readonly #assistants: FakeAssistants
  readonly #turns: FakeTurns
  #models: readonly ModelSummary[]
  #jobs: readonly Job[]
  #keys: readonly ApiKey[]
  #settings: Settings
  #status: AppStatus
  #count = 0

  constructor(options: FakeConsoleOptions = {}) {
    let tick = Date.UTC(2026, 10, 20, 9)
    this.#now = options.now ?? (() => (tick += 1000))
    this.#wait = options.wait ?? (async () => undefined)
    this.#settings = { ...defaultSettings, ...options.settings }
    this.#status = options.status ?? fakeStatus
    this.#models = options.models ?? fakeModels
    this.#jobs = options.jobs ?? []
    this.#keys = fakeKeys(this.#now())
    this.#assistants = new FakeAssistants({
      assistants: fakeAssistants(this.#now()),
      now: () => this.#now(),
      id: () => this.#id('a'),
      changed: () => this.#changed.emit({ kind: 'assistants' }),
    })
    this.assistants = this.#assistants.calls
    this.#turns = new FakeTurns({
      conversation: (id) => this.#conversation(id),
      stored: (id) => this.#conversations.get(id) ?? this.#conversation(id),
      refusal: (conversation) => this.#refusal(conversation),
      keep: (conversation) => this.#keep(conversation),
      keepQuietly: (conversation) => void this.#conversations.set(conversation.id, conversation),
      assistant: (id) => this.#assistants.find(id),
      countRunning: (by) => this.#countRunning(by),
      now: () => this.#now(),
      id: () => this.#id('m'),
      wait: () => this.#wait(),
      reply: options.reply ?? fakeReply,
    })
    this.chat = this.#turns.calls
    for (const conversation of options.conversations ?? fakeConversations(this.#now()))
      this.#conversations.set(conversation.id, conversation)
  }

  /** Makes the next reply fail. */
  set failure(failure: FakeFailure) {
    this.#turns.failure = failure
  }

  /** What the status bar shows from now on. */
  setStatus(status: AppStatus): void {
    this.#status = status
    this.#statusChanged.emit(status)
  }

  /** What the list of jobs is from now on. */
  setJobs(jobs: readonly Job[]): void {
    this.#jobs = jobs
    this.#jobsChanged.emit(jobs)
    this.#changed.emit({ kind: 'jobs' })
  }

  /** What the catalog holds from now on. */
  setModels(models: readonly ModelSummary[]): void {
    this.#models = models
    this.#changed.emit({ kind: 'models' })
  }

  /** Holds this conversation from now on. */
  adopt(conversation: Conversation): void {
    this.#keep(conversation)
  }

  /** Announces a change that another process made. */
  announce(change: Change): void {
    this.#changed.emit(change)
  }

  readonly app: ConsoleClient['app'] = {
    info: async () => ({ version: '0.1.0', host: 'headless', home: '/home/office/.switchboard' }),
    status: async (_input, options) => valueStream(this.#statusChanged, this.#status, options?.signal),
    doctor: async () => fakeDoctor,
    restartEngine: async () => {
      const { defaultModel } = this.#settings
      const before = this.#status.models.find(({ model }) => model === defaultModel) ?? fakeModelStatus
      this.#setModel({ ...before, state: { kind: 'loading', model: defaultModel }, since: this.#now() })
      await this.#wait()
      const state = before.state.kind === 'ready' ? before.state : fakeModelStatus.state
      this.#setModel({ ...before, state, since: this.#now(), memoryBytes: fakeModelStatus.memoryBytes })
    },
    openExternal: async () => {
      throw new SwitchboardError('invalid_request', 'A browser opens links itself.')
    },
  }

  readonly changes: ConsoleClient['changes'] = {
    watch: async (_input, options) => changeStream(this.#changed, options?.signal),
  }

  readonly conversations: ConsoleClient['conversations'] = {
    list: async (input) => {
      const search = input.search?.trim() ?? ''
      const limit = input.limit ?? 60
      const all = [...this.#conversations.values()]
        .filter((conversation) => !this.#removed.has(conversation.id))
        .map((conversation) => summary(conversation, search))
        .filter((found) => search === '' || found.excerpt !== null || hasTerms(found.title, search))
        .toSorted((a, b) => b.updatedAt - a.updatedAt || (a.id < b.id ? 1 : -1))
      const [, at, id] = /^(\d+)-(.+)$/.exec(input.cursor ?? '') ?? []
      if (input.cursor !== undefined && id === undefined)
        throw new SwitchboardError('invalid_request', 'This cursor is not from this list.', { param: 'cursor' })
      const rest =
        at === undefined || id === undefined
          ? all
          : all.filter((row) => row.updatedAt < Number(at) || (row.updatedAt === Number(at) && row.id < id))
      const items = rest.slice(0, limit)
      const last = items.at(-1)
      return { items, nextCursor: last && rest.length > limit ? `${last.updatedAt}-${last.id}` : null }
    },
    get: async ({ id }) => this.#conversation(id),
    create: async (input) => {
      if (typeof input.assistantId === 'string') this.#assistants.get(input.assistantId)
      const at = this.#now()
      return this.#keep({
        id: this.#id('c'),
        title: '',
        assistantId: input.assistantId === undefined ? this.#defaultAssistant() : input.assistantId,
        model: input.model ?? null,
        createdAt: at,
        updatedAt: at,
        systemPrompt: '',
        parameters: {},
        activeLeafId: null,
        messages: [],
      })
    },
    update: async ({ id, ...patch }) => {
      const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
      return this.#keep({ ...this.#conversation(id), ...given })
    },
    showBranch: async ({ id, messageId }) => {
      const conversation = this.#conversation(id)
      let leaf = conversation.messages.find((message) => message.id === messageId)
      if (!leaf) throw new SwitchboardError('message_not_found', `There is no message ${messageId}.`)
      for (
        let next: Message | undefined = leaf;
        next;
        next = conversation.messages.findLast((message) => message.parentId === leaf?.id)
      )
        leaf = next
      return this.#keep({ ...conversation, activeLeafId: leaf.id })
    },
    remove: async ({ id }) => {
      this.#conversation(id)
      this.#removed.add(id)
      this.#changed.emit({ kind: 'conversations', id })
      this.#turns.stop(id)
    },
    restore: async ({ id }) => {
      this.#removed.delete(id)
      return this.#keep(this.#conversation(id))
    },
  }

  readonly chat: ConsoleClient['chat']

  readonly assistants: ConsoleClient['assistants']

  readonly models: ConsoleClient['models'] = {
    list: async () => this.#models,
    unload: async ({ key }) => {
      const { models, defaultModel } = this.#status
      const found = models.find((model) => model.key === key)
      if (!found) throw new SwitchboardError('model_not_found', `No model with the key ${key} is loaded.`)
      if (found.model === defaultModel)
        this.#setModel({ ...found, state: { kind: 'off' }, since: this.#now(), memoryBytes: 0 })
      else this.setStatus({ ...this.#status, models: models.filter((model) => model.key !== key) })
    },
    use: async ({ name, version }) => {
      const model = this.#models.find((candidate) => candidate.name === name)
      const used = model?.versions.find((candidate) => candidate.version === version)
      if (!model || !used) throw new SwitchboardError('model_not_found', `There is no version ${version} of ${name}.`)
      const changed = { ...model, activeVersion: version, precision: used.precision }
      this.setModels(this.#models.map((other) => (other === model ? changed : other)))
      return changed
    },
  }

  readonly jobs: ConsoleClient['jobs'] = {
    watch: async (_input, options) => valueStream(this.#jobsChanged, this.#jobs, options?.signal),
    cancel: async ({ id }) => {
      const job = this.#job(id)
      if (job.state.kind === 'running') this.#setJob({ ...job, state: { kind: 'cancelled' } })
    },
    resume: async ({ id }) => {
      const before = this.#job(id)
      if (before.state.kind === 'running') throw new SwitchboardError('invalid_request', 'This job still runs.')
      const job: Job = {
        ...before,
        state: { kind: 'running', fraction: 0, step: 'Reading the weights' },
        cancelling: false,
        createdAt: this.#now(),
      }
      this.#setJob(job)
      return job
    },
    dismiss: async ({ id }) => {
      const job = this.#job(id)
      if (job.state.kind === 'running') throw new SwitchboardError('invalid_request', 'This job still runs.')
      this.setJobs(this.#jobs.filter((other) => other.id !== id))
    },
  }

  readonly keys: ConsoleClient['keys'] = {
    list: async () => this.#keys,
    create: async ({ name, assistantId }) => {
      if (!isKeyName(name))
        throw new SwitchboardError('invalid_name', `${name} cannot be the name of a key.`, { param: 'name' })
      if (typeof assistantId === 'string') this.#assistants.get(assistantId)
      if (this.#keys.some((key) => key.name === name && key.revokedAt === null))
        throw new SwitchboardError('name_taken', `A key named ${name} exists.`, { param: 'name' })
      const key: ApiKey = {
        id: this.#id('k'),
        name,
        prefix: 'sk-f4Ke',
        createdAt: this.#now(),
        lastUsedAt: null,
        revokedAt: null,
        assistantId: assistantId ?? null,
      }
      this.#setKeys([key, ...this.#keys])
      return { key, secret: `sk-f4Ke${'0123456789abcdef'.repeat(2)}` }
    },
    bind: async ({ id, assistantId }) => {
      const key = this.#key(id)
      if (assistantId !== null) this.#assistants.get(assistantId)
      return this.#changeKey({ ...key, assistantId })
    },
    revoke: async ({ id }) => {
      const key = this.#key(id)
      return this.#changeKey({ ...key, revokedAt: key.revokedAt ?? this.#now() })
    },
  }

  readonly settings: ConsoleClient['settings'] = {
    get: async () => ({ settings: this.#settings, defaults: defaultSettings }),
    update: async (patch) => {
      const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
      this.#settings = { ...this.#settings, ...given }
      this.#changed.emit({ kind: 'settings' })
      return this.#settings
    },
  }

  #id(prefix: string): string {
    return `${prefix}-new-${String(++this.#count).padStart(6, '0')}`
  }

  /** A default that was removed falls back to the first built-in assistant. */
  #defaultAssistant(): string | null {
    const { defaultAssistantId } = this.#settings
    return this.#assistants.find(defaultAssistantId)?.id ?? this.#assistants.builtIn()?.id ?? null
  }

  #setModel(changed: ModelStatus): void {
    const known = this.#status.models.some(({ key }) => key === changed.key)
    this.setStatus({
      ...this.#status,
      models: known
        ? this.#status.models.map((model) => (model.key === changed.key ? changed : model))
        : [changed, ...this.#status.models],
    })
  }

  #job(id: string): Job {
    const job = this.#jobs.find((candidate) => candidate.id === id)
    if (!job) throw new SwitchboardError('job_not_found', `There is no job ${id}.`)
    return job
  }

  #setJob(job: Job): void {
    const changed = { ...job, updatedAt: this.#now() }
    this.setJobs(this.#jobs.map((other) => (other.id === job.id ? changed : other)))
  }

  #setKeys(keys: readonly ApiKey[]): void {
    this.#keys = keys
    this.#changed.emit({ kind: 'keys' })
  }

  #key(id: string): ApiKey {
    const key = this.#keys.find((candidate) => candidate.id === id)
    if (!key) throw new SwitchboardError('key_not_found', `There is no key ${id}.`)
    return key
  }

  #changeKey(changed: ApiKey): ApiKey {
    this.#setKeys(this.#keys.map((other) => (other.id === changed.id ? changed : other)))
    return changed
  }

  /** Why a turn of this conversation has no reply; null where something answers. */
  #refusal({ assistantId, model }: Conversation): SwitchboardError | null {
    if (assistantId !== null && !this.#assistants.find(assistantId))
      return new SwitchboardError('assistant_not_found', 'The assistant of this conversation was removed.')
    if (model !== null && !this.#models.some(({ name }) => name === model))
      return new SwitchboardError('model_not_found', `There is no model named ${model}.`)
    return null
  }

  #conversation(id: string): Conversation {
    const conversation = this.#conversations.get(id)
    if (!conversation || this.#removed.has(id))
      throw new SwitchboardError('conversation_not_found', `There is no conversation ${id}.`)
    return conversation
  }

  #keep(conversation: Conversation): Conversation {
    this.#conversations.set(conversation.id, conversation)
    this.#changed.emit({ kind: 'conversations', id: conversation.id })
    return conversation
  }

  #countRunning(by: number): void {
    const model = this.#status.models[0]
    if (model?.state.kind !== 'ready') return
    const { state } = model
    const running = Math.max(0, state.stats.running + by)
    this.setStatus({
      ...this.#status,
      requests: { total: this.#status.requests.total + Math.max(0, by), active: running },
      models: this.#status.models.with(0, {
        ...model,
        state: {
          ...state,
          stats: { ...state.stats, running, freeSlots: state.stats.slots - running, tokensPerSecond: running * 61.4 },
        },
      }),
    })
  }
}

function summary(conversation: Conversation, search: string): ConversationSummary {
  const { id, title, assistantId, createdAt, updatedAt } = conversation
  // The newest message that matches counts.
  const match = search === '' ? undefined : conversation.messages.findLast(({ content }) => hasTerms(content, search))
  const at = Math.max(0, match?.content.toLowerCase().indexOf(termsOf(search)[0] ?? '') ?? 0)
  return {
    id,
    title,
    assistantId,
    createdAt,
    updatedAt,
    excerpt: match ? match.content.slice(Math.max(0, at - 30), at + 60) : null,
    matchedMessageId: match?.id ?? null,
  }
}

/** Whether each word of a search occurs in the text. */
function hasTerms(text: string, search: string): boolean {
  const folded = fold(text)
  return termsOf(search).every((term) => folded.includes(term))
}

function termsOf(search: string): readonly string[] {
  return fold(search).trim().split(/\s+/)
}

/** Case and accents do not count. */
function fold(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
}
