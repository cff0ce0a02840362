import { Emitter } from '../base/emitter.ts'
import type { Assistant } from '../domain/assistant.ts'
import type { Conversation, Message, MessageState, TurnEvent } from '../domain/conversation.ts'
import { SwitchboardError } from '../errors/switchboard-error.ts'
import type { ConsoleClient } from './console-bridge.ts'
import { fakeReceipt } from './console.fake-data.ts'
import { eventStream } from './console.fake-streams.ts'

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

export interface FakeTurnsOptions {
  /** @throws SwitchboardError conversation_not_found */
  readonly conversation: (id: string) => Conversation
  /** Also one that was removed: a turn that runs in it is stored to its end. */
  readonly stored: (id: string) => Conversation
  /** Why this conversation gets no reply; null where something answers. */
  readonly refusal: (conversation: Conversation) => SwitchboardError | null
  readonly keep: (conversation: Conversation) => Conversation
  /** Keeps it without announcing a change. */
  readonly keepQuietly: (conversation: Conversation) => void
  readonly assistant: (id: string | null) => Assistant | undefined
  readonly countRunning: (by: 1 | -1) => void
  readonly now: () => number
  readonly id: () => string
  readonly wait: () => Promise<void>
  readonly reply: (question: string) => string
}

/** The turns of the fake console: one at a time in a conversation, seen by every window that watches it. */
export class FakeTurns {
  /** Set to make the next reply fail; cleared once used. */
  failure: FakeFailure | null = null
  readonly #running = new Map<string, RunningTurn>()
  readonly #turned = new Emitter<FakeTurn>()
  readonly #options: FakeTurnsOptions

  constructor(options: FakeTurnsOptions) {
    this.#options = options
  }

  readonly calls: ConsoleClient['chat'] = {
    send: async ({ conversationId, text, parentId, windowId }) => {
      const conversation = this.#idle(conversationId)
      const parent = typeof parentId === 'string' ? this.#message(conversation, parentId) : undefined
      if (parent?.role === 'user')
        throw new SwitchboardError('invalid_request', 'A question follows a reply.', { param: 'parentId' })
      const userMessage: Message = {
        id: this.#options.id(),
        conversationId,
        parentId: parentId === undefined ? conversation.activeLeafId : parentId,
        role: 'user',
        content: text,
        state: { kind: 'complete' },
        receipt: null,
        createdAt: this.#options.now(),
      }
      return this.#turn(userMessage, this.#emptyReply(userMessage), windowId)
    },
    regenerate: async ({ conversationId, messageId, windowId }) => {
      const { question } = this.#exchange(this.#idle(conversationId), messageId)
      return this.#turn(question, this.#emptyReply(question), windowId)
    },
    continue: async ({ conversationId, messageId, windowId }) => {
      const { question, reply } = this.#exchange(this.#idle(conversationId), messageId)
      const isCutOff = reply.state.kind !== 'complete' || reply.receipt?.finishReason === 'length'
      if (reply.role !== 'assistant' || !isCutOff)
        throw new SwitchboardError('invalid_request', 'This is no reply that was cut off.', { param: 'messageId' })
      return this.#turn(question, { ...reply, state: { kind: 'streaming' }, receipt: null }, windowId)
    },
    watch: async ({ conversationId, windowId }, options) => {
      const running = this.#running.get(conversationId)
      const missed = running && (windowId === undefined || running.windowId !== windowId) ? [running.started] : []
      return eventStream<FakeTurn, TurnEvent>(
        this.#turned,
        options?.signal,
        (turn) =>
          turn.conversationId === conversationId && (windowId === undefined || turn.windowId !== windowId)
            ? turn.event
            : undefined,
        missed,
      )
    },
    stop: async ({ conversationId }) => this.stop(conversationId),
  }

  /** Stops the running reply, if any. */
  stop(conversationId: string): void {
    const running = this.#running.get(conversationId)
    if (running) running.stopped = true
  }

  /** @throws SwitchboardError conversation_busy, conversation_not_found */
  #idle(conversationId: string): Conversation {
    if (this.#running.has(conversationId))
      throw new SwitchboardError('conversation_busy', 'A reply is being written in this conversation.')
    return this.#options.conversation(conversationId)
  }

  /** Stores a message as the shown leaf; the text of a running reply announces nothing. */
  #put(message: Message): Message {
    const conversation = this.#options.stored(message.conversationId)
    const known = conversation.messages.some((other) => other.id === message.id)
    const changed: Conversation = {
      ...conversation,
      activeLeafId: message.id,
      updatedAt: this.#options.now(),
      messages: known
        ? conversation.messages.map((other) => (other.id === message.id ? message : other))
        : [...conversation.messages, message],
    }
    if (known && message.state.kind === 'streaming') this.#options.keepQuietly(changed)
    else this.#options.keep(changed)
    return message
  }

  #message({ messages }: Conversation, id: string): Message {
    const message = messages.find((candidate) => candidate.id === id)
    if (!message) throw new SwitchboardError('message_not_found', `There is no message ${id}.`)
    return message
  }

  /** A message, and the question that it asks or answers. */
  #exchange(conversation: Conversation, messageId: string): { readonly question: Message; readonly reply: Message } {
    const reply = this.#message(conversation, messageId)
    return { question: reply.role === 'user' ? reply : this.#message(conversation, reply.parentId ?? ''), reply }
  }

  #emptyReply(question: Message): Message {
    return {
      id: this.#options.id(),
      conversationId: question.conversationId,
      parentId: question.id,
      role: 'assistant',
      content: '',
      state: { kind: 'streaming' },
      receipt: null,
      createdAt: this.#options.now(),
    }
  }

  async *#turn(
    userMessage: Message,
    begun: Message,
    windowId: string | undefined,
  ): AsyncGenerator<TurnEvent, undefined, void> {
    const { conversationId } = begun
    const conversation = this.#idle(conversationId)
    const title = conversation.title === '' ? titleFrom(userMessage.content) : conversation.title
    const running: RunningTurn = {
      windowId,
      started: { kind: 'started', userMessage, reply: begun, title },
      stopped: false,
    }
    this.#running.set(conversationId, running)
    const refusal = this.#options.refusal(conversation)
    const failure = refusal ? { afterDeltas: 0, error: refusal } : this.failure
    this.failure = null
    const tell = (event: TurnEvent): TurnEvent => {
      this.#turned.emit({ conversationId, windowId, event })
      return event
    }
    let reply = begun
    let deltas = 0
    const end = (state: MessageState): TurnEvent => {
      const assistant = this.#options.assistant(conversation.assistantId)
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
      this.#options.keep({ ...conversation, title })
      this.#put(userMessage)
      this.#put(reply)
      this.#options.countRunning(1)
      yield tell(running.started)
      for (const text of this.#options.reply(userMessage.content).match(/\s*\S{1,6}/g) ?? []) {
        await this.#options.wait()
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
      this.#options.countRunning(-1)
    }
  }
}

/** The first line of a question, at most 60 characters. */
function titleFrom(question: string): string {
  const [line = ''] = question.trim().split(/[\r\n]/)
  const characters = [...line.trim().replace(/\s+/g, ' ')]
  return characters.length <= 60 ? characters.join('') : `${characters.slice(0, 59).join('').trimEnd()}…`
}
