/**
 * GUI <-> main, one contract for both doors (Electron port, WebSocket). Inputs meet a schema at the door; outputs are
 * typed only, since they come from trusted code. Errors cross as {@link SerialisedError} in the `data` of an oRPC error
 * whose code is `SWITCHBOARD`.
 */
import { eventIterator, oc, type as output } from '@orpc/contract'
import { z } from 'zod'
import type { ApiKey } from '../domain/api-key.ts'
import type { Assistant, AssistantFile, AssistantVersion } from '../domain/assistant.ts'
import type { Change } from '../domain/change.ts'
import type { Conversation, ConversationSummary, TurnEvent } from '../domain/conversation.ts'
import type { Job } from '../domain/job.ts'
import type { ModelSummary } from '../domain/model.ts'
import { parameterSchema } from '../domain/sampling.ts'
import { settingsPatchSchema, type Settings } from '../domain/settings.ts'
import type { AppStatus, DoctorReport } from '../domain/status.ts'
import type { SerialisedError } from '../errors/switchboard-error.ts'

const id = z.string().regex(/^[0-9A-Za-z_-]{1,40}$/)
/** Catalog name of a model. */
const modelName = z.string().min(1).max(64)
/** Most characters of one message. */
export const MAX_MESSAGE_CHARACTERS = 200_000
/** Most characters of a system prompt. */
export const MAX_PROMPT_CHARACTERS = 50_000
const text = z.string().min(1).max(MAX_MESSAGE_CHARACTERS)

const nothing = z.object({}).optional()

/** A part of a list, and where the next part begins; null at the end. */
export interface Page<Item> {
  readonly items: readonly Item[]
  readonly nextCursor: string | null
}

const page = { cursor: z.string().max(200).optional(), limit: z.number().int().min(1).max(200).default(60) }

/** Identifies one open window, so that it is not told of its own turns twice. */
const windowId = id.optional()

export const assistantValuesSchema = z.object({
  name: z.string().trim().min(1).max(80),
  model: modelName.nullable(),
  systemPrompt: z.string().max(MAX_PROMPT_CHARACTERS),
  parameters: parameterSchema,
})

/** What `assistants export` writes and `assistants import` reads. */
export const assistantFileSchema = assistantValuesSchema.extend({
  format: z.literal('switchboard.assistant'),
  formatVersion: z.literal(1),
})

/** Errors every procedure may throw. */
const base = oc.errors({ SWITCHBOARD: { data: output<SerialisedError>() } })

export const consoleContract = {
  app: {
    info: base.input(nothing).output(output<{ version: string; host: 'electron' | 'headless'; home: string }>()),
    /** First value at once, then one whenever something changed. */
    status: base.input(nothing).output(eventIterator(output<AppStatus>())),
    doctor: base.input(nothing).output(output<DoctorReport>()),
    /** Starts the engine again after `failed`, or applies a changed provider policy. */
    restartEngine: base.input(nothing).output(output<void>()),
    /** http/https only; opened by the host after it asked the person. The browser host refuses and the page opens it. */
    openExternal: base.input(z.object({ url: z.string().max(2000) })).output(output<void>()),
  },
  changes: {
    /** What changed in the stored data since the call, until the caller leaves. A slow reader gets `everything`. */
    watch: base.input(nothing).output(eventIterator(output<Change>())),
  },
  conversations: {
    /** Most recently used first; a search looks through titles and messages in any language. */
    list: base
      .input(z.object({ search: z.string().max(200).optional(), ...page }))
      .output(output<Page<ConversationSummary>>()),
    get: base.input(z.object({ id })).output(output<Conversation>()),
    /** Without values: the default assistant. `assistantId` null starts without one. */
    create: base
      .input(z.object({ assistantId: id.nullable().optional(), model: modelName.nullable().optional() }))
      .output(output<Conversation>()),
    update: base
      .input(
        z.object({
          id,
          title: z.string().min(1).max(200).optional(),
          assistantId: id.nullable().optional(),
          model: modelName.nullable().optional(),
          systemPrompt: z.string().max(MAX_PROMPT_CHARACTERS).optional(),
          parameters: parameterSchema.optional(),
        }),
      )
      .output(output<Conversation>()),
    /** Shows another branch of the tree: the leaf reached from this message by its newest descendants. */
    showBranch: base.input(z.object({ id, messageId: id })).output(output<Conversation>()),
    /** Hidden at once, removed for good after 30 days; `restore` undoes it. */
    remove: base.input(z.object({ id })).output(output<void>()),
    restore: base.input(z.object({ id })).output(output<Conversation>()),
  },
  chat: {
    /**
     * Adds a user message under `parentId` (null starts anew; absent: under the shown leaf) and streams the reply.
     * Leaving stops it.
     */
    send: base
      .input(z.object({ conversationId: id, text, parentId: id.nullable().optional(), windowId }))
      .output(eventIterator(output<TurnEvent>())),
    /** Streams another reply to the same question, as a sibling of this reply. */
    regenerate: base
      .input(z.object({ conversationId: id, messageId: id, windowId }))
      .output(eventIterator(output<TurnEvent>())),
    /** Goes on writing a reply that ended at its token limit or was stopped, in the same message. */
    continue: base
      .input(z.object({ conversationId: id, messageId: id, windowId }))
      .output(eventIterator(output<TurnEvent>())),
    /**
     * The turns of this conversation that other windows or the command line started. A turn that runs already begins
     * with `started` and what was written so far. Leaving stops nothing.
     */
    watch: base.input(z.object({ conversationId: id, windowId })).output(eventIterator(output<TurnEvent>())),
    /** Stops the running reply of this conversation, if any; what was written stays. */
    stop: base.input(z.object({ conversationId: id })).output(output<void>()),
  },
  assistants: {
    /** In the order of their names; the built-in one first. */
    list: base.input(nothing).output(output<readonly Assistant[]>()),
    create: base.input(assistantValuesSchema).output(output<Assistant>()),
    /** Changes the latest version, or makes a new one where that was published. */
    update: base.input(assistantValuesSchema.partial().extend({ id })).output(output<Assistant>()),
    duplicate: base.input(z.object({ id, name: assistantValuesSchema.shape.name })).output(output<Assistant>()),
    /** Programs get the latest version from now on. */
    publish: base.input(z.object({ id })).output(output<Assistant>()),
    /** Programs may no longer call it. */
    unpublish: base.input(z.object({ id })).output(output<Assistant>()),
    /** Newest first. */
    versions: base.input(z.object({ id })).output(output<readonly AssistantVersion[]>()),
    /** Makes the values of an earlier version the latest ones. */
    takeBack: base.input(z.object({ id, version: z.number().int().min(1) })).output(output<Assistant>()),
    export: base.input(z.object({ id })).output(output<AssistantFile>()),
    /** A name that is taken gets a number: nothing is overwritten. */
    import: base.input(assistantFileSchema).output(output<Assistant>()),
    remove: base.input(z.object({ id })).output(output<void>()),
    restore: base.input(z.object({ id })).output(output<Assistant>()),
  },
  models: {
    list: base.input(nothing).output(output<readonly ModelSummary[]>()),
    /** Gives back the memory of a loaded model after its running replies; `key` as in ModelStatus. */
    unload: base.input(z.object({ key: z.string().min(1).max(200) })).output(output<void>()),
    /** Answers with this version from now on. */
    use: base.input(z.object({ name: modelName, version: z.number().int().min(1) })).output(output<ModelSummary>()),
  },
  jobs: {
    /** All jobs that are not dismissed, newest first: at once, then whenever one changed. */
    watch: base.input(nothing).output(eventIterator(output<readonly Job[]>())),
    cancel: base.input(z.object({ id })).output(output<void>()),
    /** Starts an interrupted, cancelled or failed job again from its input. */
    resume: base.input(z.object({ id })).output(output<Job>()),
    /** Takes an ended job off the list. */
    dismiss: base.input(z.object({ id })).output(output<void>()),
  },
  keys: {
    list: base.input(nothing).output(output<readonly ApiKey[]>()),
    /** The secret is returned here and never again. */
    create: base
      .input(z.object({ name: z.string().min(1).max(64), assistantId: id.nullable().optional() }))
      .output(output<{ key: ApiKey; secret: string }>()),
    /** Binds the key to an assistant, or frees it with null. */
    bind: base.input(z.object({ id, assistantId: id.nullable() })).output(output<ApiKey>()),
    revoke: base.input(z.object({ id })).output(output<ApiKey>()),
  },
  settings: {
    get: base.input(nothing).output(output<{ settings: Settings; defaults: Settings }>()),
    update: base.input(settingsPatchSchema).output(output<Settings>()),
  },
}
