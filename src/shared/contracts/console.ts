/**
 * GUI <-> main, one contract for both doors (Electron port, WebSocket). Inputs meet a schema at the door; outputs are
 * typed only, since they come from trusted code. Errors cross as {@link SerialisedError} in the `data` of an oRPC error
 * whose code is `SWITCHBOARD`.
 */
import { eventIterator, oc, type as output } from '@orpc/contract'
import { z } from 'zod'
import type { ApiKey } from '../domain/api-key.ts'
import type { Conversation, ConversationSummary, Preset, TurnEvent } from '../domain/conversation.ts'
import type { ModelSummary } from '../domain/model.ts'
import type { Settings } from '../domain/settings.ts'
import type { AppStatus, DoctorReport } from '../domain/status.ts'
import type { SerialisedError } from '../errors/switchboard-error.ts'

const id = z.string().regex(/^[0-9A-Za-z_-]{1,40}$/)
const text = z.string().min(1).max(200_000)

/** Ranges of the sampling parameters, the same at every door. */
export const parameterSchema = z.object({
  temperature: z.number().min(0).max(2).optional(),
  topP: z.number().gt(0).max(1).optional(),
  topK: z.number().int().min(0).max(1000).optional(),
  minP: z.number().min(0).max(1).optional(),
  repetitionPenalty: z.number().min(0.5).max(2).optional(),
  frequencyPenalty: z.number().min(-2).max(2).optional(),
  presencePenalty: z.number().min(-2).max(2).optional(),
  maxTokens: z.number().int().min(1).max(131_072).optional(),
  seed: z.number().int().min(0).max(4_294_967_295).optional(),
})

export const settingsPatchSchema = z
  .object({
    language: z.enum(['auto', 'en', 'zh-CN']),
    theme: z.enum(['auto', 'light', 'dark']),
    providers: z.object({ prefer: z.enum(['auto', 'cuda', 'webgpu', 'cpu']), allowCpu: z.boolean() }),
    slots: z.number().int().min(1).max(64),
    queueRequests: z.number().int().min(0).max(10_000),
    contextLength: z.number().int().min(256).max(131_072),
    defaultModel: z.string().min(1).max(64),
    defaultPresetId: id,
    welcomed: z.boolean(),
  })
  .partial()

const nothing = z.object({}).optional()

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
    /**
     * http/https only; opened by the host after it asked the person. The browser host refuses and the page opens it.
     */
    openExternal: base.input(z.object({ url: z.string().max(2000) })).output(output<void>()),
  },
  conversations: {
    /** Newest first; a search looks through titles and messages in any language. */
    list: base
      .input(z.object({ search: z.string().max(200).optional(), limit: z.number().int().min(1).max(500).default(200) }))
      .output(output<readonly ConversationSummary[]>()),
    get: base.input(z.object({ id })).output(output<Conversation>()),
    create: base
      .input(z.object({ model: z.string().max(64).optional(), presetId: id.optional() }))
      .output(output<Conversation>()),
    update: base
      .input(
        z.object({
          id,
          title: z.string().min(1).max(200).optional(),
          model: z.string().min(1).max(64).optional(),
          presetId: id.nullable().optional(),
          systemPrompt: z.string().max(50_000).optional(),
          parameters: parameterSchema.optional(),
        }),
      )
      .output(output<Conversation>()),
    /** Shows another branch of the tree: the leaf reached from this message by its newest descendants. */
    showBranch: base.input(z.object({ id, messageId: id })).output(output<Conversation>()),
    /** Hidden at once, removed for good at the next start; `restore` undoes it. */
    remove: base.input(z.object({ id })).output(output<void>()),
    restore: base.input(z.object({ id })).output(output<Conversation>()),
  },
  chat: {
    /**
     * Adds a user message under `parentId` (null starts anew; absent: under the shown leaf) and streams the reply.
     * Leaving stops it.
     */
    send: base
      .input(z.object({ conversationId: id, text, parentId: id.nullable().optional() }))
      .output(eventIterator(output<TurnEvent>())),
    /** Streams another reply to the same question, as a sibling of this reply. */
    regenerate: base.input(z.object({ conversationId: id, messageId: id })).output(eventIterator(output<TurnEvent>())),
    /** Stops the running reply of this conversation, if any; what was written stays. */
    stop: base.input(z.object({ conversationId: id })).output(output<void>()),
  },
  presets: {
    list: base.input(nothing).output(output<readonly Preset[]>()),
    save: base
      .input(
        z.object({
          id: id.optional(),
          name: z.string().min(1).max(80),
          systemPrompt: z.string().max(50_000),
          parameters: parameterSchema,
        }),
      )
      .output(output<Preset>()),
    remove: base.input(z.object({ id })).output(output<void>()),
  },
  models: {
    list: base.input(nothing).output(output<readonly ModelSummary[]>()),
  },
  keys: {
    list: base.input(nothing).output(output<readonly ApiKey[]>()),
    /** The secret is returned here and never again. */
    create: base.input(z.object({ name: z.string().min(1).max(64) })).output(output<{ key: ApiKey; secret: string }>()),
    revoke: base.input(z.object({ id })).output(output<ApiKey>()),
  },
  settings: {
    get: base.input(nothing).output(output<{ settings: Settings; defaults: Settings }>()),
    update: base.input(settingsPatchSchema).output(output<Settings>()),
  },
}
