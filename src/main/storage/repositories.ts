import type { Disposable } from '../../shared/base/disposable.ts'
import type { Listen } from '../../shared/base/emitter.ts'
import type { ApiKey } from '../../shared/domain/api-key.ts'
import type { Assistant, AssistantValues, AssistantVersion } from '../../shared/domain/assistant.ts'
import type { Change } from '../../shared/domain/change.ts'
import type {
  Conversation,
  ConversationSummary,
  Message,
  MessageState,
  ParameterOverrides,
} from '../../shared/domain/conversation.ts'
import type { Precision, Receipt } from '../../shared/domain/generation.ts'
import type { Job, JobInput, JobState } from '../../shared/domain/job.ts'
import type { Settings } from '../../shared/domain/settings.ts'
import type { SerialisedError } from '../../shared/errors/switchboard-error.ts'

/**
 * Everything that is kept, one repository per aggregate. The promise of a write settles when the write is on the disk:
 * what was acknowledged survives a power cut, and a read that starts later sees it. Besides the codes it names, every
 * method throws SwitchboardError storage_failed, storage_full or storage_corrupt.
 */
export interface Storage extends Disposable {
  readonly sqliteVersion: string
  readonly conversations: ConversationRepository
  readonly assistants: AssistantRepository
  readonly settings: SettingsRepository
  readonly keys: ApiKeyRepository
  readonly models: ModelRepository
  readonly jobs: JobRepository
  /**
   * Announces every write, after it is on the disk; `everything` when another process wrote. Not announced: the pieces
   * of a reply (see appendText) and the last use of a key.
   */
  readonly onChange: Listen<Change>
  /** Looks whether another process wrote since the last look, and announces it. Cheap when nothing changed. */
  announceForeignChanges(): Promise<void>
  /**
   * What the one long-running process does first: replies left unfinished by a dead process become interrupted, and
   * conversations removed over 30 days ago go for good. Never called by a short command beside a running instance.
   */
  recover(): Promise<{ readonly interrupted: number; readonly purged: number }>
  /** Deletes what was removed over 30 days ago, texts and index entries overwritten. Returns how many conversations. */
  purgeRemoved(): Promise<number>
  /** Finishes what was handed in, empties the WAL and closes the file. */
  dispose(): Promise<void>
}

export interface ListQuery {
  readonly search?: string | undefined
  /** From {@link List.nextCursor}; absent begins at the top. */
  readonly cursor?: string | undefined
  readonly limit: number
}

export interface List<Item> {
  readonly items: readonly Item[]
  /** null at the end. */
  readonly nextCursor: string | null
}

export interface NewConversation {
  readonly assistantId: string | null
  readonly model: string | null
  readonly systemPrompt: string
  readonly parameters: ParameterOverrides
}

export interface ConversationPatch {
  readonly title?: string | undefined
  readonly assistantId?: string | null | undefined
  readonly model?: string | null | undefined
  readonly systemPrompt?: string | undefined
  readonly parameters?: ParameterOverrides | undefined
}

/** How a reply ended; everything but `streaming`. */
export type EndState = Exclude<MessageState, { kind: 'streaming' }>

/** What a turn works on, read in the transaction that began it. */
export interface BegunTurn {
  readonly question: Message
  /** Streaming, and empty unless it is continued. */
  readonly reply: Message
  /** Without its messages: the tree may be large and the turn needs one path of it. */
  readonly conversation: Omit<Conversation, 'messages'>
  /** Messages from the first one down to the question. */
  readonly thread: readonly Message[]
}

/** Conversations with their trees of messages. Every method is one transaction. */
export interface ConversationRepository {
  /** Most recently used first. A search looks through titles and all messages; its text is never query syntax. */
  list(query: ListQuery): Promise<List<ConversationSummary>>
  /** @throws SwitchboardError conversation_not_found, also for a removed one. */
  get(id: string): Promise<Conversation>
  create(values: NewConversation): Promise<Conversation>
  /** @throws SwitchboardError conversation_not_found */
  update(id: string, patch: ConversationPatch): Promise<Conversation>
  /** Shows the leaf reached from this message by its newest descendants. */
  showBranch(id: string, messageId: string): Promise<Conversation>
  /** Hides it; {@link restore} undoes that for 30 days. */
  remove(id: string): Promise<void>
  restore(id: string): Promise<Conversation>
  /**
   * The conversation and its messages from the first one down to this one; undefined: down to the shown leaf, null: none.
   * @throws SwitchboardError conversation_not_found, message_not_found
   */
  path(
    conversationId: string,
    messageId: string | null | undefined,
  ): Promise<Pick<BegunTurn, 'conversation' | 'thread'>>
  /**
   * Adds a user message with an empty streaming reply under it. `parentId` undefined: under the shown leaf. First marks
   * a reply of this conversation that nobody writes any more as interrupted, like the next two.
   * @throws SwitchboardError conversation_not_found, message_not_found, invalid_request
   */
  beginQuestion(conversationId: string, text: string, parentId: string | null | undefined): Promise<BegunTurn>
  /** Adds an empty streaming reply to the question that this message asks or answers. */
  beginReply(conversationId: string, messageId: string): Promise<BegunTurn>
  /**
   * Puts an ended reply that was cut off back to streaming, its text kept.
   * @throws SwitchboardError message_not_found; invalid_request where the message is no reply or was not cut off.
   */
  beginContinuation(conversationId: string, messageId: string): Promise<BegunTurn>
  appendText(messageId: string, text: string): Promise<void>
  /** Ends a streaming reply; `text` is what was not yet appended. */
  endReply(
    messageId: string,
    end: { readonly text: string; readonly state: EndState; readonly receipt: Receipt | null },
  ): Promise<Message>
  /** Marks unfinished replies that nobody writes any more. Returns how many. */
  interruptStreaming(error: SerialisedError): Promise<number>
}

export interface AssistantRepository {
  /** The built-in one first, then by name. */
  list(): Promise<readonly Assistant[]>
  /** @throws SwitchboardError assistant_not_found, also for a removed one. */
  get(id: string): Promise<Assistant>
  /** The assistant that is called so (see callName); null where there is none. */
  find(name: string): Promise<Assistant | null>
  /** @throws SwitchboardError assistant_not_found where the assistant or the version does not exist. */
  version(id: string, version: number): Promise<AssistantVersion>
  /** Newest first. */
  versions(id: string): Promise<readonly AssistantVersion[]>
  /** @throws SwitchboardError name_taken, invalid_name */
  create(values: AssistantValues): Promise<Assistant>
  /**
   * Changes the latest version, or makes a new one where that was published. A renamed assistant is renamed in all its
   * versions: programs call it by its present name.
   * @throws SwitchboardError assistant_not_found, name_taken, invalid_name
   */
  update(
    id: string,
    patch: { readonly [Name in keyof AssistantValues]?: AssistantValues[Name] | undefined },
  ): Promise<Assistant>
  publish(id: string): Promise<Assistant>
  unpublish(id: string): Promise<Assistant>
  /**
   * Makes the values of an earlier version the latest ones, its name excepted, in a new version: an unpublished latest
   * version stays in the list. Nothing changes where the values are equal.
   */
  takeBack(id: string, version: number): Promise<Assistant>
  /** Hides it; its conversations keep their reference. */
  remove(id: string): Promise<void>
  /** @throws SwitchboardError assistant_not_found; name_taken when another one took the name meanwhile. */
  restore(id: string): Promise<Assistant>
}

/** One row per setting, as JSON. Unknown names are left alone and ignored; a value that fits no more is the default. */
export interface SettingsRepository {
  readonly defaults: Settings
  /** The settings as last read or written; foreign changes arrive by announceForeignChanges. */
  readonly current: Settings
  /** Settings whose stored value was damaged or out of range: `current` has their defaults until they are set anew. */
  readonly unreadable: readonly (keyof Settings)[]
  /** Stores the given values and announces the result. */
  update(patch: { readonly [Name in keyof Settings]?: Settings[Name] | undefined }): Promise<Settings>
  readonly onChange: Listen<Settings>
}

/** Keys of the endpoint. The secret itself is never stored: a SHA-256 of 256 random bits cannot be searched. */
export interface ApiKeyRepository {
  /** Newest first, revoked ones included. */
  list(): Promise<readonly ApiKey[]>
  /** The secret is returned here and never again. @throws SwitchboardError invalid_name, name_taken. */
  create(name: string, assistantId?: string | null): Promise<{ readonly key: ApiKey; readonly secret: string }>
  /** @throws SwitchboardError key_not_found, assistant_not_found */
  bind(idOrName: string, assistantId: string | null): Promise<ApiKey>
  /** Takes effect on the next request, in every process. @throws SwitchboardError key_not_found. */
  revoke(idOrName: string): Promise<ApiKey>
  /**
   * The live key this secret belongs to, or null. Read from the file each time, since another process may have revoked
   * it. Its last use is noted once a minute, where that is possible.
   */
  authenticate(secret: string): Promise<ApiKey | null>
  /** A key was revoked, here or by another process (see announceForeignChanges). */
  readonly onRevoked: Listen<{ readonly keyId: string }>
}

/** A model as the catalog keeps it; its files lie in the folder of its name. */
export interface ModelRow {
  readonly name: string
  readonly activeVersion: number
  /** Oldest first. */
  readonly versions: readonly ModelVersionRow[]
}

export interface ModelVersionRow {
  readonly version: number
  readonly precision: Precision
  /** See TargetModel.contentHash. */
  readonly contentHash: string
  readonly createdAt: number
}

export interface ModelRepository {
  list(): Promise<readonly ModelRow[]>
  find(name: string): Promise<ModelRow | null>
  /** Adds a version, and the model with its first one, which is then in use. A version of this hash stays as it is. */
  addVersion(name: string, version: { readonly precision: Precision; readonly contentHash: string }): Promise<ModelRow>
  /** @throws SwitchboardError model_not_found where the model or the version does not exist. */
  use(name: string, version: number): Promise<ModelRow>
  /** Version numbers of a removed model begin at 1 again when the name is used anew. */
  remove(name: string): Promise<void>
}

export interface JobRepository {
  /** All that are not dismissed, newest first. */
  list(): Promise<readonly Job[]>
  /** @throws SwitchboardError job_not_found */
  get(id: string): Promise<Job>
  /** Adds a running job of this process, which `owner` identifies. */
  start(input: JobInput, owner: string): Promise<Job>
  /**
   * Puts an ended job back to running, from its beginning: `createdAt` is the new start.
   * @throws SwitchboardError job_not_found; invalid_request while it runs.
   */
  restart(id: string, owner: string): Promise<Job>
  /**
   * Notes progress and that the owner lives. Returns whether the job has to stop: somebody asked for it, or the job was
   * taken for abandoned.
   */
  progress(id: string, fraction: number, step: string): Promise<{ readonly cancelling: boolean }>
  end(id: string, state: Exclude<JobState, { kind: 'running' }>): Promise<Job>
  /** Asks a running job to stop, whichever process runs it. */
  requestCancel(id: string): Promise<void>
  /** @throws SwitchboardError invalid_request for a running job. */
  dismiss(id: string): Promise<void>
  /** Running jobs whose owner gave no sign of life for `silenceMs` become interrupted. Returns them. */
  interruptAbandoned(silenceMs: number): Promise<readonly Job[]>
}
