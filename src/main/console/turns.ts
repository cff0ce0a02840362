import type { Conversation, Message, PromptMessage, TurnEvent } from '../../shared/domain/conversation.ts'
import type { Receipt } from '../../shared/domain/generation.ts'
import { serialise, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { ConversationRepository, EndState } from '../storage/conversations.ts'
import { newId } from '../storage/new-id.ts'
import type { ReplyService } from '../answering/answer.ts'

/** A commit a delta would be one sync of the disk a token. */
const commitEveryMs = 50

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
    turn: { readonly conversationId: string; readonly text: string; readonly parentId?: string | null | undefined },
    signal: AbortSignal,
  ): AsyncIterable<TurnEvent>
  /** Streams another reply to the question of this reply, as its sibling. @throws like {@link send}. */
  regenerate(
    turn: { readonly conversationId: string; readonly messageId: string },
    signal: AbortSignal,
  ): AsyncIterable<TurnEvent>
  /** Stops the running reply, if any; what was written stays. */
  stop(conversationId: string): void
  /** Refuses new turns; running ones go on. Settles when none runs. */
  drain(): Promise<void>
  /**
   * Ends what still runs as interrupted by the closing program. @throws AggregateError after all were tried, when the
   * end of some could not be stored.
   */
  dispose(): void
}

export interface TurnDependencies {
  readonly conversations: ConversationRepository
  readonly replies: ReplyService
  /** Monotonic, ms. */
  readonly monotonicMs?: () => number
}

interface RunningTurn {
  readonly abort: AbortController
  /** Ends the stored reply; only the first call counts. null before there is one. */
  end: ((state: EndState, receipt: Receipt | null) => Message) | null
}

export function createTurnService({
  conversations,
  replies,
  monotonicMs = () => performance.now(),
}: TurnDependencies): TurnService {
  const running = new Map<string, RunningTurn>()
  let total = 0
  let draining = false
  let whenIdle: (() => void)[] = []

  async function* run(
    conversationId: string,
    begin: () => { readonly question: Message; readonly reply: Message },
    signal: AbortSignal,
  ): AsyncIterable<TurnEvent> {
    if (draining) throw new SwitchboardError('draining', 'the program is closing')
    if (running.has(conversationId))
      throw new SwitchboardError('conversation_busy', `a reply is being written in conversation ${conversationId}`)
    const turn: RunningTurn = { abort: new AbortController(), end: null }
    running.set(conversationId, turn)
    total += 1
    try {
      // A reply whose end could not be stored (a full disk) is still open; nobody writes it any more.
      conversations.interruptStreaming(
        { code: 'storage_failed', message: 'the end of this reply could not be stored' },
        conversationId,
      )
      const { question, reply } = begin()
      const conversation = conversations.get(conversationId)
      let unsaved = ''
      let ended: Message | null = null
      turn.end = (state, receipt) => {
        ended ??= conversations.endReply(reply.id, { text: unsaved, state, receipt })
        return ended
      }
      yield { kind: 'started', userMessage: question, reply, title: conversation.title }
      const aborted = AbortSignal.any([signal, turn.abort.signal])
      let savedAt = Number.NEGATIVE_INFINITY
      let receipt: Receipt | null = null
      try {
        const request = {
          requestId: newId(),
          client: 'console',
          priority: 'interactive',
          model: conversation.model,
          input: { kind: 'chat', messages: promptOf(conversation, conversations.thread(conversationId, question.id)) },
          parameters: conversation.parameters,
          stop: [],
          logprobs: null,
          echo: false,
        } as const
        for await (const event of replies.reply(request, aborted)) {
          if (event.kind === 'done') receipt = event.receipt
          if (event.kind !== 'delta') continue
          unsaved += event.text
          if (unsaved === '' || monotonicMs() - savedAt < commitEveryMs) continue
          const text = unsaved
          conversations.appendText(reply.id, text)
          unsaved = ''
          savedAt = monotonicMs()
          yield { kind: 'delta', messageId: reply.id, text }
        }
        if (receipt === null) throw new SwitchboardError('internal', 'the reply ended without a receipt')
        yield {
          kind: 'ended',
          message: turn.end({ kind: receipt.finishReason === 'cancelled' ? 'stopped' : 'complete' }, receipt),
        }
      } catch (thrown) {
        yield {
          kind: 'ended',
          message: turn.end(
            aborted.aborted ? { kind: 'stopped' } : { kind: 'interrupted', error: serialise(thrown) },
            receipt,
          ),
        }
      }
    } finally {
      running.delete(conversationId)
      turn.abort.abort()
      if (running.size === 0) for (const resolve of whenIdle.splice(0)) resolve()
      // Whoever left the iteration stopped the reply; otherwise it has ended already.
      turn.end?.({ kind: 'stopped' }, null)
    }
  }

  return {
    get counts() {
      return { total, active: running.size }
    },
    send: ({ conversationId, text, parentId }, signal) =>
      run(conversationId, () => conversations.addQuestion(conversationId, text, parentId), signal),
    regenerate: ({ conversationId, messageId }, signal) =>
      run(conversationId, () => conversations.addReply(conversationId, messageId), signal),
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
    dispose() {
      draining = true
      const failures: unknown[] = []
      for (const turn of running.values()) {
        try {
          turn.end?.(
            {
              kind: 'interrupted',
              error: { code: 'draining', message: 'the program was closed while this reply was being written' },
            },
            null,
          )
        } catch (failure) {
          // What is still open in the storage is marked at the next start.
          failures.push(failure)
        }
        turn.abort.abort()
      }
      // A reader who no longer reads keeps nobody waiting.
      for (const resolve of whenIdle.splice(0)) resolve()
      if (failures.length > 0) throw new AggregateError(failures, 'the end of replies could not be stored')
    },
  }
}

/**
 * The thread as a prompt. Questions whose reply never came to a word are left out with it, so that questions and
 * replies
 * alternate; the last message is the question to answer.
 */
export function promptOf(
  conversation: Pick<Conversation, 'systemPrompt'>,
  thread: readonly Message[],
): readonly PromptMessage[] {
  const messages: PromptMessage[] =
    conversation.systemPrompt.trim() === '' ? [] : [{ role: 'system', content: conversation.systemPrompt }]
  for (const [index, { role, content }] of thread.entries()) {
    const next = thread[index + 1]
    const answered = next !== undefined && next.role === 'assistant' && next.content !== ''
    if (role === 'user' ? answered || next === undefined : content !== '') messages.push({ role, content })
  }
  return messages
}
