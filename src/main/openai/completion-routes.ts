import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ToolCallBody } from '../../shared/contracts/openai.ts'
import { DisposableStack } from '../../shared/base/disposable.ts'
import { isPlainName } from '../../shared/base/plain-name.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Receipt, Truncation } from '../../shared/domain/generation.ts'
import type { ReplyEvent, ReplyRequest, TokenPiece } from '../answering/answer.ts'
import { parseChatRequest, parseTextRequest, type CompletionRequest } from './completion-request.ts'
import { asSwitchboardError, toErrorEvent } from '../http/http-errors.ts'
import { fingerprintOf, Idempotency, idempotencyKey, type WholeAnswer } from './idempotency.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { endingReason, type OpenReplies, type OpenReply } from './open-replies.ts'
import { addToCalls, ReplyFormat } from './completion-format.ts'
import type { Principal, ServerDependencies, ServerLimits } from '../http/ports.ts'
import { type KeepAlive, SseWriter } from './sse-writer.ts'

export interface CompletionContext {
  readonly dependencies: Pick<ServerDependencies, 'replies' | 'defaultModel' | 'log'>
  readonly limits: ServerLimits
  readonly open: OpenReplies
  readonly keepAlive: KeepAlive
  readonly metrics: Metrics
  readonly principalOf: (request: FastifyRequest) => Principal
}

/** Prompt in, reply out: both completion routes are one, with two parsers and two shapes. */
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

/** A closed connection is the client's way of saying stop, at whatever stage its request is. */
function abortWhenGone(response: ServerResponse, open: OpenReply): void {
  response.once('close', () => {
    if (!response.writableFinished)
      open.abort(new SwitchboardError('cancelled', 'The client left before the reply was finished.'))
  })
}

/** One reply on its way out, whole or as a stream. */
class ReplyRun {
  readonly #context: CompletionContext
  readonly #request: CompletionRequest
  readonly #requestId: string
  readonly #replyRequest: ReplyRequest

  constructor(context: CompletionContext, request: CompletionRequest, requestId: string, principal: Principal) {
    this.#context = context
    this.#request = request
    this.#requestId = requestId
    const model = request.model ?? context.dependencies.defaultModel()
    checkModel(model)
    const { input, parameters, stop, logprobs, echo, structure, speculation } = request
    this.#replyRequest = {
      requestId,
      client: principal.id,
      priority: 'batch',
      model,
      input,
      parameters,
      stop,
      logprobs,
      echo,
      structure,
      speculation,
    }
  }

  /** @throws SwitchboardError whatever stopped it. */
  async whole(signal: AbortSignal): Promise<WholeAnswer> {
    let started: Extract<ReplyEvent, { kind: 'started' }> | null = null
    let text = ''
    const tokens: TokenPiece[] = []
    const calls: ToolCallBody[] = []
    try {
      for await (const event of this.#context.dependencies.replies.reply(this.#replyRequest, signal)) {
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
   * Errors before the first event are thrown and become a status; later ones are an event of the stream. A request that
   * waits long for its turn is answered with 200 and comments meanwhile, so that nothing on the way gives up on it.
   * @throws SwitchboardError before anything was sent.
   */
  async stream(reply: FastifyReply, open: OpenReply): Promise<void> {
    const events = this.#context.dependencies.replies.reply(this.#replyRequest, open.signal)[Symbol.asyncIterator]()
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

  /** True when the first event takes longer than a silent stream may last. */
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
      reply.raw.writeHead(200, { ...streamHeaders, 'x-request-id': this.#requestId, ...truncationHeader(truncated) })
    return writer
  }

  async #write(writer: SseWriter, events: AsyncIterator<ReplyEvent>, format: ReplyFormat): Promise<void> {
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

  #format(started: Extract<ReplyEvent, { kind: 'started' }>): ReplyFormat {
    return new ReplyFormat(this.#request, started, this.#requestId, Date.now())
  }

  /** A reply that was cancelled from outside is not an answer. */
  #finished(receipt: Receipt): Receipt {
    if (receipt.finishReason === 'cancelled')
      throw new SwitchboardError('cancelled', 'The reply was stopped before it was finished.')
    this.#context.metrics.ended(this.#request.api, receipt.finishReason, receipt)
    return receipt
  }

  #failed(signal: AbortSignal, thrown: unknown): SwitchboardError {
    const error = asSwitchboardError(endingReason(signal, thrown))
    this.#context.metrics.ended(this.#request.api, error.code, null)
    if (error.code === 'internal')
      this.#context.dependencies.log.error(
        { requestId: this.#requestId, error: error.cause ?? error },
        'a reply failed unexpectedly',
      )
    return error
  }
}

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-store',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
} as const

const outOfOrder = () => new SwitchboardError('internal', 'The reply ended without an end.')

function truncationHeader(truncated: Truncation | null): Record<string, string> {
  return truncated === null
    ? {}
    : { 'x-switchboard-truncated': `messages=${truncated.droppedMessages}; tokens=${truncated.droppedTokens}` }
}

/** What can be no name is no model; it is not repeated in the answer. */
function checkModel(model: string): void {
  if (!isPlainName(model))
    throw new SwitchboardError('model_not_found', 'There is no model of this name.', { param: 'model' })
}
