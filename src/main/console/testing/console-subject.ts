import { expect } from 'vitest'
import type { ConsoleClient } from '../../../shared/contracts/console-bridge.ts'
import type { Conversation, Message, TurnEvent } from '../../../shared/domain/conversation.ts'
import type { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'

/** A console under test: the built-in assistants `web-shop` and `plain`, the model `demo`, no conversation and no job. */
export interface ConsoleSubject {
  readonly console: ConsoleClient
  /** Makes the next reply fail after this many pieces of text. */
  failNextReply(afterPieces: number, error: SwitchboardError): void
  /** Starts a job that runs until it is cancelled. Returns its id. */
  startJob(): Promise<string>
  dispose(): Promise<void>
}

/** Opens a new console whose replies to a question are the pieces of {@link replyTo}. */
export type OpenConsole = () => Promise<ConsoleSubject>

export function replyTo(question: string): string {
  return `You asked: ${question} Here is my answer.`
}

/** Several pieces of text in any reply. */
export function piecesOf(text: string): readonly string[] {
  return text.match(/\s*\S{1,6}/gu) ?? []
}

/** A turn read event by event: nothing happens in it between two reads. */
export class Turn {
  readonly #events: AsyncIterator<TurnEvent>

  private constructor(events: AsyncIterator<TurnEvent>) {
    this.#events = events
  }

  static async open(stream: Promise<AsyncIterable<TurnEvent>>): Promise<Turn> {
    return new Turn((await stream)[Symbol.asyncIterator]())
  }

  async next<Kind extends TurnEvent['kind']>(kind: Kind): Promise<Extract<TurnEvent, { readonly kind: Kind }>> {
    const { value } = await this.#events.next()
    expect(value).toMatchObject({ kind })
    return value as Extract<TurnEvent, { readonly kind: Kind }>
  }

  /** Reads to the end. Returns the text of the remaining deltas and the reply as it was stored. */
  async rest(): Promise<{ readonly text: string; readonly message: Message }> {
    let text = ''
    for (;;) {
      const { value, done } = await this.#events.next()
      if (done === true) throw new Error('the turn ended without its last event')
      if (value.kind === 'delta') text += value.text
      if (value.kind !== 'ended') continue
      expect(await this.#events.next()).toMatchObject({ done: true })
      return { text, message: value.message }
    }
  }

  async leave(): Promise<void> {
    await this.#events.return?.()
  }
}

/** Sends a question and reads its whole reply. */
export async function ask(
  { chat }: ConsoleClient,
  input: Parameters<ConsoleClient['chat']['send']>[0],
): Promise<{ readonly question: Message; readonly reply: Message }> {
  const turn = await Turn.open(chat.send(input))
  const { userMessage } = await turn.next('started')
  return { question: userMessage, reply: (await turn.rest()).message }
}

/** The shown messages from the first one down to the leaf. */
export function shownThread({ messages, activeLeafId }: Conversation): readonly string[] {
  const thread: string[] = []
  for (let id = activeLeafId; id !== null;) {
    const message = messages.find((candidate) => candidate.id === id)
    if (message === undefined) throw new Error(`message ${id} is not in its conversation`)
    thread.unshift(message.content)
    id = message.parentId
  }
  return thread
}

/** What a window receives from a stream it keeps open. */
export class Watch<Value> {
  readonly values: Value[] = []
  readonly #abort: AbortController
  readonly #reading: Promise<void>
  #wake: () => void = () => undefined

  private constructor(stream: AsyncIterable<Value>, abort: AbortController) {
    const events = stream[Symbol.asyncIterator]()
    this.#abort = abort
    // The first read is made in this very moment: nothing that happens from now on is missed.
    this.#reading = this.#read(events, events.next())
  }

  static async open<Value>(
    open: (options: { readonly signal: AbortSignal }) => Promise<AsyncIterable<Value>>,
  ): Promise<Watch<Value>> {
    const abort = new AbortController()
    return new Watch(await open({ signal: abort.signal }), abort)
  }

  async until(holds: (values: readonly Value[]) => boolean): Promise<void> {
    while (!holds(this.values)) await new Promise<void>((resolve) => (this.#wake = resolve))
  }

  async leave(): Promise<void> {
    this.#abort.abort()
    await this.#reading
  }

  async #read(events: AsyncIterator<Value>, first: Promise<IteratorResult<Value>>): Promise<void> {
    for (let result = await first; result.done !== true; result = await events.next()) {
      this.values.push(result.value)
      this.#wake()
    }
  }
}

/** Expects a call, or the first event of a stream, to be refused with this code. */
export async function refused(call: Promise<unknown>, code: SwitchboardError['code']): Promise<void> {
  const outcome = call.then(async (value) => {
    if (isStream(value)) await value[Symbol.asyncIterator]().next()
  })
  await expect(outcome).rejects.toMatchObject({ code })
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}
