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
      const conversation = this.#options.conversation(conversationId)
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
      this.#options.conversation(conversationId)
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

  /** Stores a message as the shown leaf; the text of a running reply announces nothing. */
  #put(message: Message): Message {
    const conversation = this.#options.conversation(message.conversationId)
    const known = conversation.messages.some((other) => other.id === message.id)
    const changed: Conversation = {
      ...conversation,
      activeLeafId: message.id,
      updatedAt: message.createdAt,
      messages: known
        ? conversation.messages.map((other) => (other.id === message.id ? message : other))
        : [...conversation.messages, message],
    }
    if (known && message.state.kind === 'streaming') this.#options.keepQuietly(changed)
    else this.#options.keep(changed)
    return message
  }

  #exchange(conversationId: string, replyId: string): { readonly question: Message; readonly reply: Message } {
    const { messages } = this.#options.conversation(conversationId)
    const reply = messages.find((message) => message.id === replyId)
    const question = messages.find((message) => message.id === reply?.parentId)
    if (!reply || !question) throw new SwitchboardError('message_not_found', `There is no reply ${replyId}.`)
    return { question, reply }
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
    const conversation = this.#options.conversation(conversationId)
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
