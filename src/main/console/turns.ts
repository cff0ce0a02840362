import { Emitter } from '../../shared/base/emitter.ts'
import type { Ask } from '../../shared/domain/ask.ts'
import type { Message, PromptMessage, TurnEvent } from '../../shared/domain/conversation.ts'
import type { Receipt } from '../../shared/domain/generation.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Answerer } from '../answering/answer.ts'
import type { Resolver } from '../catalog/resolver.ts'
import type { BegunTurn, ConversationRepository, EndState } from '../storage/repositories.ts'

/** The conversation a turn belongs to, and the window that asked: other windows watch. */
interface TurnPlace {
  readonly conversationId: string
  readonly windowId?: string | undefined
}

/** Turns of the console: a question is stored before it is answered, and text is on the disk before it is shown. */
export interface TurnService {
  /** Turns since start, and those running now. */
  readonly counts: { readonly total: number; readonly active: number }
  /**
   * Adds a question and streams the reply. `parentId` null starts anew, undefined goes on under the shown leaf. A reply
   * that fails ends with `ended` and the state `interrupted`; what was written stays. Leaving the iteration stops it.
   * @throws SwitchboardError conversation_busy, conversation_not_found, message_not_found, invalid_request, draining,
   *   storage_*.
   */
  send(
    turn: TurnPlace & { readonly text: string; readonly parentId?: string | null | undefined },
    signal: AbortSignal,
  ): AsyncIterable<TurnEvent>
  /** Streams another reply to the question of this reply, as its sibling. @throws like {@link send}. */
  regenerate(turn: TurnPlace & { readonly messageId: string }, signal: AbortSignal): AsyncIterable<TurnEvent>
  /** Goes on writing a reply that was cut off or stopped, in the same message. @throws like {@link send}. */
  continue(turn: TurnPlace & { readonly messageId: string }, signal: AbortSignal): AsyncIterable<TurnEvent>
  /** Turns of other windows in this conversation; see chat.watch of the contract. */
  watch(place: TurnPlace, signal: AbortSignal): AsyncIterable<TurnEvent>
  /** Stops the running reply, if any; what was written stays. */
  stop(conversationId: string): void
  /** Refuses new turns; running ones go on. Settles when none runs. */
  drain(): Promise<void>
  /**
   * Ends what still runs as interrupted by the closing program.
   * @throws AggregateError after all were tried, when the end of some could not be stored.
   */
  dispose(): Promise<void>
}

export interface TurnDependencies {
  readonly conversations: Pick<
    ConversationRepository,
    'path' | 'beginQuestion' | 'beginReply' | 'beginContinuation' | 'appendText' | 'endReply'
  >
  readonly resolver: Pick<Resolver, 'forConversation'>
  readonly answerer: Answerer
  readonly newId: () => string
}

/** What a turn is going to do. */
interface TurnPlan {
  readonly conversation: BegunTurn['conversation']
  /** The prompt, the question last. */
  readonly messages: readonly PromptMessage[]
  readonly question: string
  /** Text of the reply that is continued; empty for a new one. */
  readonly begun: string
  /** Stores the question as the pipeline accepted it, and an empty reply. */
  begin(question: string): Promise<BegunTurn>
}

interface RunningTurn {
  readonly abort: AbortController
  readonly windowId: string | undefined
  /** For windows that begin to watch now; null until the question is stored. */
  started: Extract<TurnEvent, { kind: 'started' }> | null
  /** Written so far, as stored. */
  text: string
  /** Ends the stored reply; only the first call counts. null before there is one. */
  end: ((state: EndState, receipt: Receipt | null) => Promise<Message>) | null
}

interface Announced {
  readonly conversationId: string
  readonly windowId: string | undefined
  readonly event: TurnEvent
}

export function createTurnService({ conversations, resolver, answerer, newId }: TurnDependencies): TurnService {
  const running = new Map<string, RunningTurn>()
  const announced = new Emitter<Announced>()
  let total = 0
  let draining = false
  let whenIdle: (() => void)[] = []

  async function* run(
    { conversationId, windowId }: TurnPlace,
    plan: () => Promise<TurnPlan>,
    signal: AbortSignal,
  ): AsyncIterable<TurnEvent> {
    if (draining) throw new SwitchboardError('draining', 'the program is closing')
    if (running.has(conversationId))
      throw new SwitchboardError('conversation_busy', `a reply is being written in conversation ${conversationId}`)
    const turn: RunningTurn = { abort: new AbortController(), windowId, started: null, text: '', end: null }
    running.set(conversationId, turn)
    total += 1
    let replyId = ''
    let unsaved = ''
    let told = false
    const tell = (event: TurnEvent): TurnEvent => {
      told = event.kind === 'ended'
      announced.emit({ conversationId, windowId, event })
      return event
    }
    try {
      const { conversation, messages, question, begun, begin } = await plan()
      const open = async (stored: string): Promise<TurnEvent> => {
        const { question: userMessage, reply, conversation: current } = await begin(stored)
        replyId = reply.id
        turn.text = reply.content
        let ended: Promise<Message> | null = null
        turn.end = (state, receipt) => {
          ended ??= conversations.endReply(reply.id, { text: unsaved, state, receipt })
          return ended
        }
        turn.started = { kind: 'started', userMessage, reply, title: current.title }
        return tell(turn.started)
      }
      const aborted = AbortSignal.any([signal, turn.abort.signal])
      let receipt: Receipt | null = null
      try {
        const { target, instructions } = await resolver.forConversation(conversation)
        const ask: Ask = {
          requestId: newId(),
          client: 'console',
          priority: 'interactive',
          target,
          instructions,
          input: { kind: 'chat', messages, ...(begun === '' ? {} : { begun }) },
          parameters: {},
          stop: [],
          logprobs: null,
          echo: false,
          structure: null,
          speculation: true,
        }
        for await (const event of answerer.answer(ask, aborted)) {
          if (event.kind === 'accepted') yield await open(event.question ?? question)
          if (event.kind === 'done') receipt = event.receipt
          if (event.kind !== 'delta') continue
          unsaved += event.text
          if (unsaved === '') continue
          const text = unsaved
          await conversations.appendText(replyId, text)
          unsaved = ''
          turn.text += text
          yield tell({ kind: 'delta', messageId: replyId, text })
        }
        if (receipt === null || turn.end === null)
          throw new SwitchboardError('internal', 'the reply ended without a receipt')
        const state: EndState = receipt.finishReason === 'cancelled' ? { kind: 'stopped' } : { kind: 'complete' }
        yield tell({ kind: 'ended', message: await turn.end(state, receipt) })
      } catch (thrown) {
        // What cannot be answered is stored all the same: the question is not lost, and the reply says why.
        if (turn.end === null) yield await open(question)
        const state: EndState = aborted.aborted
          ? { kind: 'stopped' }
          : { kind: 'interrupted', error: serialise(thrown) }
        if (turn.end !== null) yield tell({ kind: 'ended', message: await turn.end(state, receipt) })
      }
    } finally {
      // A reader who left early stopped the reply; otherwise it has ended already.
      await turn.end?.({ kind: 'stopped' }, null).then(
        (message) => {
          if (!told) tell({ kind: 'ended', message })
        },
        // A reply whose end could not be stored is marked when the conversation is used next.
        () => undefined,
      )
      running.delete(conversationId)
      turn.abort.abort()
      if (running.size === 0) for (const resolve of whenIdle.splice(0)) resolve()
    }
  }

  const afterBegin = async (begin: Promise<BegunTurn>): Promise<TurnPlan> => {
    const begun = await begin
    return {
      conversation: begun.conversation,
      messages: promptOf(begun.thread),
      question: begun.question.content,
      begun: begun.reply.content,
      begin: async () => begun,
    }
  }

  async function* watch({ conversationId, windowId }: TurnPlace, signal: AbortSignal): AsyncIterable<TurnEvent> {
    const waiting: TurnEvent[] = []
    let wake: () => void = () => undefined
    const push = (event: TurnEvent): void => {
      const last = waiting.at(-1)
      // A slow reader gets merged deltas, never a growing queue.
      if (event.kind === 'delta' && last?.kind === 'delta' && last.messageId === event.messageId)
        waiting[waiting.length - 1] = { ...last, text: last.text + event.text }
      else waiting.push(event)
      wake()
    }
    const onAbort = (): void => wake()
    const current = running.get(conversationId)
    if (current?.started != null && (windowId === undefined || current.windowId !== windowId))
      push({ ...current.started, reply: { ...current.started.reply, content: current.text } })
    const listening = announced.on((turn) => {
      if (turn.conversationId !== conversationId) return
      if (windowId !== undefined && turn.windowId === windowId) return
      push(turn.event)
    })
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted) {
        const event = waiting.shift()
        if (event !== undefined) yield event
        else await new Promise<void>((resolve) => (wake = resolve))
      }
    } finally {
      listening.dispose()
      signal.removeEventListener('abort', onAbort)
    }
  }

  return {
    get counts() {
      return { total, active: running.size }
    },
    send: ({ text, parentId, ...place }, signal) => {
      const { conversationId } = place
      const plan = async (): Promise<TurnPlan> => {
        const { conversation, thread } = await conversations.path(conversationId, parentId)
        return {
          conversation,
          messages: [...promptOf(thread), { role: 'user', content: text }],
          question: text,
          begun: '',
          begin: (question) => conversations.beginQuestion(conversationId, question, parentId),
        }
      }
      return run(place, plan, signal)
    },
    regenerate: ({ messageId, ...place }, signal) =>
      run(place, () => afterBegin(conversations.beginReply(place.conversationId, messageId)), signal),
    continue: ({ messageId, ...place }, signal) =>
      run(place, () => afterBegin(conversations.beginContinuation(place.conversationId, messageId)), signal),
    watch,
    stop(conversationId) {
      running.get(conversationId)?.abort.abort()
    },
    drain() {
      draining = true
      return running.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            whenIdle = [...whenIdle, resolve]
          })
    },
    async dispose() {
      draining = true
      const error = { code: 'draining', message: 'the program was closed while this reply was being written' } as const
      const turns = [...running.values()]
      const ends = turns.map(async ({ end }) => await end?.({ kind: 'interrupted', error }, null))
      for (const { abort } of turns) abort.abort()
      const results = await Promise.allSettled(ends)
      // A reader who no longer reads keeps nobody waiting.
      for (const resolve of whenIdle.splice(0)) resolve()
      const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []))
      if (failures.length > 0) throw new AggregateError(failures, 'the end of replies could not be stored')
    },
  }
}

/**
 * A thread as a prompt. A question whose reply has no text is left out, so that questions and replies alternate; a
 * question at the end is the one to answer.
 */
export function promptOf(thread: readonly Message[]): readonly PromptMessage[] {
  const messages: PromptMessage[] = []
  for (const [index, { role, content }] of thread.entries()) {
    const next = thread[index + 1]
    const answered = next !== undefined && next.role === 'assistant' && next.content !== ''
    if (role === 'user' ? answered || next === undefined : content !== '') messages.push({ role, content })
  }
  return messages
}
