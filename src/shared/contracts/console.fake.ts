import { Emitter } from '../base/emitter.ts'
import type { ApiKey } from '../domain/api-key.ts'
import type { Change } from '../domain/change.ts'
import type { Conversation, ConversationSummary, Message, MessageState, TurnEvent } from '../domain/conversation.ts'
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
  fakeReceipt,
  fakeReply,
  fakeStatus,
} from './console.fake-data.ts'
import { eventStream, valueStream } from './console.fake-streams.ts'

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

/** Fails the next reply after this many deltas. */
export interface FakeFailure {
  readonly afterDeltas: number
  readonly error: SwitchboardError
}

/** An event of a turn, and the window that started the turn. */
interface FakeTurn {
  readonly conversationId: string
  readonly windowId: string | undefined
  readonly event: TurnEvent
}

/** A turn that runs, and what a window that begins to watch has missed. */
interface RunningTurn {
  readonly windowId: string | undefined
  started: Extract<TurnEvent, { kind: 'started' }>
  stopped: boolean
}

/** The whole console in memory: no process, no wire. Implements what the GUI calls, with the contract's own rules. */
export class FakeConsole implements ConsoleClient {
  /** Set to make the next reply fail; cleared once used. */
  failure: FakeFailure | null = null
  readonly #conversations = new Map<string, Conversation>()
  readonly #removed = new Set<string>()
  readonly #running = new Map<string, RunningTurn>()
  readonly #statusChanged = new Emitter<AppStatus>()
  readonly #changed = new Emitter<Change>()
  readonly #jobsChanged = new Emitter<readonly Job[]>()
  readonly #turned = new Emitter<FakeTurn>()
  readonly #wait: () => Promise<void>
  readonly #now: () => number
  readonly #reply: (question: string) => string
  readonly #assistants: FakeAssistants
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
    this.#reply = options.reply ?? fakeReply
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
    for (const conversation of options.conversations ?? fakeConversations(this.#now()))
      this.#conversations.set(conversation.id, conversation)
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
    watch: async (_input, options) => eventStream(this.#changed, options?.signal, (change) => change),
  }

  readonly conversations: ConsoleClient['conversations'] = {
    list: async (input) => {
      const search = input.search?.trim().toLowerCase() ?? ''
      const limit = input.limit ?? 60
      const all = [...this.#conversations.values()]
        .filter((conversation) => !this.#removed.has(conversation.id))
        .map((conversation) => summary(conversation, search))
        .filter((found) => search === '' || found.excerpt !== null || found.title.toLowerCase().includes(search))
        .toSorted((a, b) => b.updatedAt - a.updatedAt || (a.id < b.id ? 1 : -1))
      const [, at, id] = /^(\d+)-(.+)$/.exec(input.cursor ?? '') ?? []
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
    },
    restore: async ({ id }) => {
      this.#removed.delete(id)
      return this.#keep(this.#conversation(id))
    },
  }

  readonly chat: ConsoleClient['chat'] = {
    send: async ({ conversationId, text, parentId, windowId }) => {
      const conversation = this.#conversation(conversationId)
      const userMessage: Message = {
        id: this.#id('m'),
        conversationId,
        parentId: parentId === undefined ? conversation.activeLeafId : parentId,
        role: 'user',
        content: text,
        state: { kind: 'complete' },
        receipt: null,
        createdAt: this.#now(),
      }
      return this.#turn(userMessage, this.#emptyReply(userMessage), windowId)
    },
    regenerate: async ({ conversationId, messageId, windowId }) => {
      const { question } = this.#exchange(conversationId, messageId)
      return this.#turn(question, this.#emptyReply(question), windowId)
    },
    continue: async ({ conversationId, messageId, windowId }) => {
      const { question, reply } = this.#exchange(conversationId, messageId)
      const isEnded = reply.state.kind === 'complete' && reply.receipt?.finishReason !== 'length'
      if (isEnded || reply.state.kind === 'streaming')
        throw new SwitchboardError('invalid_request', 'This reply was not cut off.', { param: 'messageId' })
      return this.#turn(question, { ...reply, state: { kind: 'streaming' }, receipt: null }, windowId)
    },
    watch: async ({ conversationId, windowId }, options) => {
      this.#conversation(conversationId)
      const running = this.#running.get(conversationId)
      const missed = running && running.windowId !== windowId ? [running.started] : []
      return eventStream<FakeTurn, TurnEvent>(
        this.#turned,
        options?.signal,
        (turn) =>
          turn.conversationId === conversationId && (turn.windowId === undefined || turn.windowId !== windowId)
            ? turn.event
            : undefined,
        missed,
      )
    },
    stop: async ({ conversationId }) => {
      const running = this.#running.get(conversationId)
      if (running) running.stopped = true
    },
  }

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
    cancel: async ({ id }) => this.#setJob({ ...this.#job(id), state: { kind: 'cancelled' } }),
    resume: async ({ id }) => {
      const job: Job = {
        ...this.#job(id),
        state: { kind: 'running', fraction: 0, step: 'Reading the weights' },
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
      this.#setKeys([...this.#keys, key])
      return { key, secret: `sk-f4Ke${'0123456789abcdef'.repeat(2)}` }
    },
    bind: async ({ id, assistantId }) => this.#changeKey(id, { assistantId }),
    revoke: async ({ id }) => this.#changeKey(id, { revokedAt: this.#now() }),
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

  #changeKey(id: string, patch: Partial<ApiKey>): ApiKey {
    const key = this.#keys.find((candidate) => candidate.id === id)
    if (!key) throw new SwitchboardError('key_not_found', `There is no key ${id}.`)
    const changed = { ...key, ...patch }
    this.#setKeys(this.#keys.map((other) => (other.id === id ? changed : other)))
    return changed
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

  /** Stores a message as the shown leaf; the text of a running reply announces nothing. */
  #put(message: Message): Message {
    const conversation = this.#conversation(message.conversationId)
    const known = conversation.messages.some((other) => other.id === message.id)
    const changed: Conversation = {
      ...conversation,
      activeLeafId: message.id,
      updatedAt: message.createdAt,
      messages: known
        ? conversation.messages.map((other) => (other.id === message.id ? message : other))
        : [...conversation.messages, message],
    }
    if (known && message.state.kind === 'streaming') this.#conversations.set(conversation.id, changed)
    else this.#keep(changed)
    return message
  }

  #exchange(conversationId: string, replyId: string): { readonly question: Message; readonly reply: Message } {
    const { messages } = this.#conversation(conversationId)
    const reply = messages.find((message) => message.id === replyId)
    const question = messages.find((message) => message.id === reply?.parentId)
    if (!reply || !question) throw new SwitchboardError('message_not_found', `There is no reply ${replyId}.`)
    return { question, reply }
  }

  #emptyReply(question: Message): Message {
    return {
      id: this.#id('m'),
      conversationId: question.conversationId,
      parentId: question.id,
      role: 'assistant',
      content: '',
      state: { kind: 'streaming' },
      receipt: null,
      createdAt: this.#now(),
    }
  }

  async *#turn(
    userMessage: Message,
    begun: Message,
    windowId: string | undefined,
  ): AsyncGenerator<TurnEvent, undefined, void> {
    const { conversationId } = begun
    const conversation = this.#conversation(conversationId)
    if (this.#running.has(conversationId))
      throw new SwitchboardError('conversation_busy', 'A reply is being written in this conversation.')
    const title = conversation.title === '' ? userMessage.content.slice(0, 60) : conversation.title
    const running: RunningTurn = {
      windowId,
      started: { kind: 'started', userMessage, reply: begun, title },
      stopped: false,
    }
    this.#running.set(conversationId, running)
    const failure = this.failure
    this.failure = null
    const tell = (event: TurnEvent): TurnEvent => {
      this.#turned.emit({ conversationId, windowId, event })
      return event
    }
    let reply = begun
    let deltas = 0
    const end = (state: MessageState): TurnEvent => {
      const assistant = this.#assistants.find(conversation.assistantId)
      const receipt = {
        ...fakeReceipt,
        assistant: assistant ? { name: assistant.name, version: assistant.version } : null,
        finishReason: state.kind === 'stopped' ? ('cancelled' as const) : ('stop' as const),
        completionTokens: deltas,
      }
      reply = this.#put({ ...reply, state, receipt: state.kind === 'interrupted' ? null : receipt })
      this.#running.delete(conversationId)
      return tell({ kind: 'ended', message: reply })
    }
    try {
      this.#keep({ ...conversation, title })
      this.#put(userMessage)
      this.#put(reply)
      this.#countRunning(1)
      yield tell(running.started)
      for (const text of this.#reply(userMessage.content).match(/\s*\S{1,6}/g) ?? []) {
        await this.#wait()
        if (running.stopped) break
        if (failure && deltas === failure.afterDeltas) {
          yield end({ kind: 'interrupted', error: { code: failure.error.code, message: failure.error.message } })
          return
        }
        deltas += 1
        reply = this.#put({ ...reply, content: reply.content + text })
        running.started = { ...running.started, reply }
        yield tell({ kind: 'delta', messageId: reply.id, text })
      }
      yield end(running.stopped ? { kind: 'stopped' } : { kind: 'complete' })
    } finally {
      if (reply.state.kind === 'streaming') end({ kind: 'stopped' })
      this.#countRunning(-1)
    }
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
  const match =
    search === '' ? undefined : conversation.messages.find((message) => message.content.toLowerCase().includes(search))
  const at = match?.content.toLowerCase().indexOf(search) ?? 0
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
