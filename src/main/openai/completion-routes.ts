import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ToolCallBody } from '../../shared/contracts/openai.ts'
import { DisposableStack } from '../../shared/base/disposable.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Receipt, Truncation } from '../../shared/domain/generation.ts'
import type { Principal } from '../../shared/domain/api-key.ts'
import type { Ask } from '../../shared/domain/ask.ts'
import type { Answerer, AnswerEvent, TokenPiece } from '../answering/answer.ts'
import type { Resolver } from '../catalog/resolver.ts'
import type { Log } from '../platform/log.ts'
import { parseChatRequest, parseTextRequest, type CompletionRequest } from './completion-request.ts'
import { known, toErrorEvent } from './errors.ts'
import { fingerprintOf, Idempotency, idempotencyKey, type WholeAnswer } from './idempotency.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { endingReason, type OpenReplies, type OpenReply } from './open-replies.ts'
import { addToCalls, CompletionFormat } from './completion-format.ts'
import type { ReplyLimits } from './reply-limits.ts'
import { type KeepAlive, SseWriter } from './sse-writer.ts'

export interface CompletionContext {
  readonly answerer: Answerer
  readonly resolver: Pick<Resolver, 'forProgram'>
  readonly log: Log
  readonly limits: ReplyLimits
  readonly open: OpenReplies
  readonly keepAlive: KeepAlive
  readonly metrics: Metrics
  readonly principalOf: (request: FastifyRequest) => Principal
}

/** Both completion routes share one implementation, with two parsers and two formats. */
export function addCompletionRoutes(app: FastifyInstance, context: CompletionContext): void {
  const idempotency = new Idempotency()
  const route = (path: string, parse: (body: unknown) => CompletionRequest) =>
    app.post(path, async (request, reply) => {
      const parsed = parse(request.body)
      const principal = context.principalOf(request)
      const run = new ReplyRun(context, parsed, request.id, principal)
      const key = idempotencyKey(request.headers['idempotency-key'])
      const scope = key === null ? null : `${principal.id} ${key}`
      const fingerprint = key === null ? '' : fingerprintOf(path, request.body)
      const open = context.open.open(principal)
      abortWhenGone(reply.raw, open)
      if (parsed.stream) {
        try {
          const release = scope === null ? undefined : idempotency.claim(scope, fingerprint)
          await run.stream(reply, open).finally(release)
        } finally {
          open.dispose()
        }
        return reply
      }
      try {
        const answer =
          scope === null
            ? await run.whole(open.signal)
            : await idempotency.share(scope, fingerprint, open, (signal) => run.whole(signal))
        return await reply.headers(answer.headers).type('application/json; charset=utf-8').send(answer.body)
      } finally {
        open.dispose()
      }
    })
  route('/v1/chat/completions', parseChatRequest)
  route('/v1/completions', parseTextRequest)
}

/** A client stops its request, at any stage, by closing the connection. */
function abortWhenGone(response: ServerResponse, open: OpenReply): void {
  response.once('close', () => {
    if (!response.writableFinished)
      open.abort(new SwitchboardError('cancelled', 'The client left before the reply was finished.'))
  })
}

/** The events a program receives. */
type ProgramEvent = Exclude<AnswerEvent, { kind: 'accepted' }>

/** One reply, whole or streamed. */
class ReplyRun {
  readonly #context: CompletionContext
  readonly #request: CompletionRequest
  readonly #requestId: string
  readonly #principal: Principal

  constructor(context: CompletionContext, request: CompletionRequest, requestId: string, principal: Principal) {
    this.#context = context
    this.#request = request
    this.#requestId = requestId
    this.#principal = principal
  }

  /** Resolves the target, which nothing below does, and answers. */
  async *#answer(signal: AbortSignal): AsyncGenerator<ProgramEvent, void, void> {
    const { model, ask: asked } = this.#request
    const { answerer, resolver } = this.#context
    const { target, instructions } = await resolver.forProgram(model, this.#principal.assistantId)
    const ask: Ask = {
      ...asked,
      requestId: this.#requestId,
      client: this.#principal.id,
      priority: 'batch',
      target,
      instructions,
    }
    for await (const event of answerer.answer(ask, signal)) if (event.kind !== 'accepted') yield event
  }

  /** @throws SwitchboardError the reason the reply failed or was stopped. */
  async whole(signal: AbortSignal): Promise<WholeAnswer> {
    let started: Extract<AnswerEvent, { kind: 'started' }> | null = null
    let text = ''
    const tokens: TokenPiece[] = []
    const calls: ToolCallBody[] = []
    try {
      for await (const event of this.#answer(signal)) {
        if (event.kind === 'started') started = event
        else if (event.kind === 'done') {
          if (started === null) throw outOfOrder()
          const receipt = this.#finished(event.receipt)
          const body = this.#format(started).body({ text, tokens, calls }, receipt)
          return { body: JSON.stringify(body), headers: truncationHeader(started.truncated) }
        } else if (event.kind === 'toolCall' || event.kind === 'toolArguments') {
          addToCalls(calls, event)
        } else {
          text += event.text
          for (const token of event.tokens) tokens.push(token)
        }
      }
      throw outOfOrder()
    } catch (thrown) {
      throw this.#failed(signal, thrown)
    }
  }

  /**
   * Errors before the first event are thrown and become a status; later ones become an event of the stream. A request
   * that waits long in the queue is answered with 200 and comments, so that no proxy or client times out.
   * @throws SwitchboardError before anything was sent.
   */
  async stream(reply: FastifyReply, open: OpenReply): Promise<void> {
    const events = this.#answer(open.signal)
    const silence = new DisposableStack()
    let writer: SseWriter | null = null
    try {
      const next = events.next()
      if (await this.#stillWaiting(next)) {
        writer = this.#begin(reply, silence, null)
        writer.comment()
      }
      const first = await next
      if (first.done === true || first.value.kind !== 'started') throw outOfOrder()
      writer ??= this.#begin(reply, silence, first.value.truncated)
      await this.#write(writer, events, this.#format(first.value))
    } catch (thrown) {
      const failure = this.#failed(open.signal, thrown)
      if (writer === null) throw failure
      writer.end(toErrorEvent(failure))
    } finally {
      await silence.dispose()
      await events.return?.()
    }
  }

  /** True when the first event has not arrived within the keep-alive interval. */
  async #stillWaiting(next: Promise<unknown>): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const waited = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), this.#context.limits.keepAliveCommentMs)
    })
    const arrived = next.then(
      () => false,
      () => false,
    )
    return await Promise.race([arrived, waited]).finally(() => clearTimeout(timer))
  }

  #begin(reply: FastifyReply, silence: DisposableStack, truncated: Truncation | null): SseWriter {
    reply.hijack()
    const writer = new SseWriter(reply.raw, this.#context.limits.stalledReaderMs)
    silence.add(this.#context.keepAlive.add(writer))
    if (!reply.raw.destroyed)
      reply.raw.writeHead(200, { ...STREAM_HEADERS, 'x-request-id': this.#requestId, ...truncationHeader(truncated) })
    return writer
  }

  async #write(writer: SseWriter, events: AsyncIterator<ProgramEvent>, format: CompletionFormat): Promise<void> {
    const opening = format.opening()
    if (opening !== '') await writer.write(opening)
    for (;;) {
      const { value: event, done } = await events.next()
      if (done === true) throw outOfOrder()
      if (event.kind === 'done') {
        writer.end(format.closing(this.#finished(event.receipt)))
        return
      }
      if (event.kind === 'started') throw outOfOrder()
      const room = writer.write(
        event.kind === 'toolCall' || event.kind === 'toolArguments'
          ? format.call(event)
          : format.delta(event.text, event.tokens),
      )
      if (room !== undefined) await room
    }
  }

  #format(started: Extract<AnswerEvent, { kind: 'started' }>): CompletionFormat {
    return new CompletionFormat(this.#request, started, this.#requestId, Date.now())
  }

  /** @throws SwitchboardError cancelled: a cancelled reply is not an answer. */
  #finished(receipt: Receipt): Receipt {
    if (receipt.finishReason === 'cancelled')
      throw new SwitchboardError('cancelled', 'The reply was stopped before it was finished.')
    this.#context.metrics.ended(this.#request.api, receipt.finishReason, receipt)
    return receipt
  }

  #failed(signal: AbortSignal, thrown: unknown): SwitchboardError {
    const error = known(endingReason(signal, thrown))
    this.#context.metrics.ended(this.#request.api, error.code, null)
    if (error.code === 'internal')
      this.#context.log.error(
        { requestId: this.#requestId, error: error.cause ?? error },
        'a reply failed unexpectedly',
      )
    return error
  }
}

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-store',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
} as const

const outOfOrder = () => new SwitchboardError('internal', 'The events of the reply came in the wrong order.')

function truncationHeader(truncated: Truncation | null): Record<string, string> {
  return truncated === null
    ? {}
    : { 'x-switchboard-truncated': `messages=${truncated.droppedMessages}; tokens=${truncated.droppedTokens}` }
}
