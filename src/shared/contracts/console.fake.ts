import { Emitter } from '../base/emitter.ts'
import type { ApiKey } from '../domain/api-key.ts'
import type {
  Conversation,
  ConversationSummary,
  Message,
  MessageState,
  Preset,
  TurnEvent,
} from '../domain/conversation.ts'
import { defaultSettings, type Settings } from '../domain/settings.ts'
import type { AppStatus } from '../domain/status.ts'
import { SwitchboardError } from '../errors/switchboard-error.ts'
import type { ConsoleClient } from './console-bridge.ts'
import {
  fakeConversations,
  fakeDoctor,
  fakeKeys,
  fakeModels,
  fakePresets,
  fakeReceipt,
  fakeReply,
  fakeStatus,
} from './console.fake-data.ts'

export interface FakeConsoleOptions {
  /** Awaited before each delta; default: no waiting. */
  readonly wait?: () => Promise<void>
  /** Milliseconds since the epoch; default: a counter, so that tests are the same every time. */
  readonly now?: () => number
  readonly conversations?: readonly Conversation[]
  readonly settings?: Partial<Settings>
  readonly status?: AppStatus
  /** The reply to a question. */
  readonly reply?: (question: string) => string
}

/** Fails the next reply after this many deltas. */
export interface FakeFailure {
  readonly afterDeltas: number
  readonly error: SwitchboardError
}

/** The whole console in memory: no process, no wire. Implements what the GUI calls, with the contract's own rules. */
export class FakeConsole implements ConsoleClient {
  /** Set to make the next reply fail; cleared once used. */
  failure: FakeFailure | null = null
  readonly #conversations = new Map<string, Conversation>()
  readonly #removed = new Set<string>()
  readonly #running = new Map<string, { stopped: boolean }>()
  readonly #statusChanged = new Emitter<AppStatus>()
  readonly #wait: () => Promise<void>
  readonly #now: () => number
  readonly #reply: (question: string) => string
  #presets: readonly Preset[] = fakePresets
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
    this.#keys = fakeKeys(this.#now())
    for (const conversation of options.conversations ?? fakeConversations(this.#now()))
      this.#conversations.set(conversation.id, conversation)
  }

  /** What the status bar is told from now on. */
  setStatus(status: AppStatus): void {
    this.#status = status
    this.#statusChanged.emit(status)
  }

  /** Holds this conversation from now on. */
  adopt(conversation: Conversation): void {
    this.#keep(conversation)
  }

  readonly app: ConsoleClient['app'] = {
    info: async () => ({ version: '0.1.0', host: 'headless', home: '/home/office/.switchboard' }),
    status: async () => this.#statuses(),
    doctor: async () => fakeDoctor,
    restartEngine: async () => {
      const before = this.#status
      this.setStatus({ ...before, engine: { kind: 'loading', model: this.#settings.defaultModel } })
      await this.#wait()
      this.setStatus({ ...before, engine: before.engine.kind === 'ready' ? before.engine : fakeStatus.engine })
    },
    openExternal: async () => {
      throw new SwitchboardError('invalid_request', 'A browser opens links itself.')
    },
  }

  readonly conversations: ConsoleClient['conversations'] = {
    list: async (input) => {
      const search = input.search?.trim().toLowerCase() ?? ''
      return [...this.#conversations.values()]
        .filter((conversation) => !this.#removed.has(conversation.id))
        .map((conversation) => summary(conversation, search))
        .filter((found) => search === '' || found.excerpt !== null || found.title.toLowerCase().includes(search))
        .toSorted((a, b) => b.updatedAt - a.updatedAt)
        .slice(0, input.limit ?? 200)
    },
    get: async ({ id }) => this.#conversation(id),
    create: async (input) => {
      const preset = this.#presets.find(
        (candidate) => candidate.id === (input.presetId ?? this.#settings.defaultPresetId),
      )
      const at = this.#now()
      return this.#keep({
        id: this.#id('c'),
        title: '',
        model: input.model ?? this.#settings.defaultModel,
        createdAt: at,
        updatedAt: at,
        systemPrompt: preset?.systemPrompt ?? '',
        presetId: preset?.id ?? null,
        parameters: preset?.parameters ?? {},
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
    },
    restore: async ({ id }) => {
      this.#removed.delete(id)
      return this.#conversation(id)
    },
  }

  readonly chat: ConsoleClient['chat'] = {
    send: async ({ conversationId, text, parentId }) => {
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
      return this.#turn(conversation, userMessage)
    },
    regenerate: async ({ conversationId, messageId }) => {
      const conversation = this.#conversation(conversationId)
      const reply = conversation.messages.find((message) => message.id === messageId)
      const question = conversation.messages.find((message) => message.id === reply?.parentId)
      if (!question) throw new SwitchboardError('message_not_found', `There is no reply ${messageId}.`)
      return this.#turn(conversation, question)
    },
    stop: async ({ conversationId }) => {
      const running = this.#running.get(conversationId)
      if (running) running.stopped = true
    },
  }

  readonly presets: ConsoleClient['presets'] = {
    list: async () => this.#presets,
    save: async (input) => {
      const preset: Preset = {
        id: input.id ?? this.#id('p'),
        name: input.name,
        systemPrompt: input.systemPrompt,
        parameters: input.parameters,
        builtIn: false,
      }
      if (this.#presets.some((other) => other.id !== preset.id && other.name === preset.name))
        throw new SwitchboardError('name_taken', `A preset named ${preset.name} exists.`)
      this.#presets = [...this.#presets.filter((other) => other.id !== preset.id), preset]
      return preset
    },
    remove: async ({ id }) => {
      this.#presets = this.#presets.filter((preset) => preset.id !== id || preset.builtIn)
    },
  }

  readonly models: ConsoleClient['models'] = { list: async () => fakeModels }

  readonly keys: ConsoleClient['keys'] = {
    list: async () => this.#keys,
    create: async ({ name }) => {
      if (this.#keys.some((key) => key.name === name && key.revokedAt === null))
        throw new SwitchboardError('name_taken', `A key named ${name} exists.`, { param: 'name' })
      const key: ApiKey = {
        id: this.#id('k'),
        name,
        prefix: 'sk-f4Ke',
        createdAt: this.#now(),
        lastUsedAt: null,
        revokedAt: null,
      }
      this.#keys = [...this.#keys, key]
      return { key, secret: `sk-f4Ke${'0123456789abcdef'.repeat(2)}` }
    },
    revoke: async ({ id }) => {
      const key = this.#keys.find((candidate) => candidate.id === id)
      if (!key) throw new SwitchboardError('key_not_found', `There is no key ${id}.`)
      const revoked = { ...key, revokedAt: this.#now() }
      this.#keys = this.#keys.map((candidate) => (candidate.id === id ? revoked : candidate))
      return revoked
    },
  }

  readonly settings: ConsoleClient['settings'] = {
    get: async () => ({ settings: this.#settings, defaults: defaultSettings }),
    update: async (patch) => {
      const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
      this.#settings = { ...this.#settings, ...given }
      return this.#settings
    },
  }

  #id(prefix: string): string {
    return `${prefix}-new-${String(++this.#count).padStart(6, '0')}`
  }

  #conversation(id: string): Conversation {
    const conversation = this.#conversations.get(id)
    if (!conversation || this.#removed.has(id))
      throw new SwitchboardError('conversation_not_found', `There is no conversation ${id}.`)
    return conversation
  }

  #keep(conversation: Conversation): Conversation {
    this.#conversations.set(conversation.id, conversation)
    return conversation
  }

  #put(message: Message): Message {
    const conversation = this.#conversation(message.conversationId)
    const known = conversation.messages.some((other) => other.id === message.id)
    this.#keep({
      ...conversation,
      activeLeafId: message.id,
      updatedAt: message.createdAt,
      messages: known
        ? conversation.messages.map((other) => (other.id === message.id ? message : other))
        : [...conversation.messages, message],
    })
    return message
  }

  async *#turn(conversation: Conversation, userMessage: Message): AsyncGenerator<TurnEvent, undefined, void> {
    if (this.#running.has(conversation.id))
      throw new SwitchboardError('conversation_busy', 'A reply is being written in this conversation.')
    const running = { stopped: false }
    this.#running.set(conversation.id, running)
    const failure = this.failure
    this.failure = null
    let reply: Message = {
      id: this.#id('m'),
      conversationId: conversation.id,
      parentId: userMessage.id,
      role: 'assistant',
      content: '',
      state: { kind: 'streaming' },
      receipt: null,
      createdAt: this.#now(),
    }
    let deltas = 0
    const end = (state: MessageState): Message => {
      const finishReason = state.kind === 'stopped' ? 'cancelled' : 'stop'
      reply = this.#put({
        ...reply,
        state,
        receipt: state.kind === 'interrupted' ? null : { ...fakeReceipt, finishReason, completionTokens: deltas },
      })
      return reply
    }
    try {
      const title = conversation.title === '' ? userMessage.content.slice(0, 60) : conversation.title
      this.#keep({ ...conversation, title })
      this.#put(userMessage)
      this.#put(reply)
      this.#countRunning(1)
      yield { kind: 'started', userMessage, reply, title }
      for (const text of this.#reply(userMessage.content).match(/\s*\S{1,6}/g) ?? []) {
        await this.#wait()
        if (running.stopped) break
        if (failure && deltas === failure.afterDeltas) {
          yield {
            kind: 'ended',
            message: end({ kind: 'interrupted', error: { code: failure.error.code, message: failure.error.message } }),
          }
          return
        }
        deltas += 1
        reply = this.#put({ ...reply, content: reply.content + text })
        yield { kind: 'delta', messageId: reply.id, text }
      }
      yield { kind: 'ended', message: end(running.stopped ? { kind: 'stopped' } : { kind: 'complete' }) }
    } finally {
      if (reply.state.kind === 'streaming') end({ kind: 'stopped' })
      this.#running.delete(conversation.id)
      this.#countRunning(-1)
    }
  }

  #countRunning(by: number): void {
    const { engine } = this.#status
    if (engine.kind !== 'ready') return
    const running = Math.max(0, engine.stats.running + by)
    this.setStatus({
      ...this.#status,
      requests: { total: this.#status.requests.total + Math.max(0, by), active: running },
      engine: {
        ...engine,
        stats: { ...engine.stats, running, freeSlots: engine.stats.slots - running, tokensPerSecond: running * 61.4 },
      },
    })
  }

  async *#statuses(): AsyncGenerator<AppStatus, undefined, void> {
    let latest: AppStatus | null = this.#status
    let wake: (() => void) | null = null
    const listener = this.#statusChanged.on((status) => {
      latest = status
      wake?.()
    })
    try {
      for (;;) {
        if (latest) {
          const status: AppStatus = latest
          latest = null
          yield status
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      }
    } finally {
      listener.dispose()
    }
  }
}

function summary(conversation: Conversation, search: string): ConversationSummary {
  const { id, title, model, createdAt, updatedAt } = conversation
  const match =
    search === '' ? undefined : conversation.messages.find((message) => message.content.toLowerCase().includes(search))
  const at = match?.content.toLowerCase().indexOf(search) ?? 0
  return {
    id,
    title,
    model,
    createdAt,
    updatedAt,
    excerpt: match ? match.content.slice(Math.max(0, at - 30), at + 60) : null,
  }
}
