import { createContext, use } from 'react'
import type { ConsoleClient } from '../../shared/contracts/console-bridge.ts'
import type { ApiKey } from '../../shared/domain/api-key.ts'
import type { ModelSummary } from '../../shared/domain/model.ts'
import type { DoctorReport } from '../../shared/domain/status.ts'
import type { ConsoleConnection } from '../bridge/connect.ts'
import { Drafts } from '../lib/drafts.ts'
import type { ScheduleFrame } from '../lib/frame-batch.ts'
import { defaultModelStatus } from '../lib/model-status.ts'
import { createAssistantsStore, type AssistantsStore } from './assistants.ts'
import { createChangesStore } from './changes.ts'
import { createConversationFinder, type ConversationFinder } from './conversation-finder.ts'
import { createChatStore, type ChatStore } from './chat.ts'
import { createConnectionStore, type ConnectionStore } from './connection.ts'
import { createConversationsStore, type ConversationsStore } from './conversations.ts'
import { createJobsStore, type JobsStore } from './jobs.ts'
import { createResource, type Resource } from './resources.ts'
import { createSettingsStore, type SettingsStore } from './settings.ts'
import { createStatusStore, type StatusStore } from './status.ts'

/** Every store of the window, built once before React starts. */
export interface Stores {
  readonly client: ConsoleClient
  readonly connection: ConnectionStore
  readonly status: StatusStore
  readonly conversations: ConversationsStore
  readonly finder: ConversationFinder
  readonly chat: ChatStore
  readonly settings: SettingsStore
  readonly assistants: AssistantsStore
  readonly models: Resource<readonly ModelSummary[]>
  readonly keys: Resource<readonly ApiKey[]>
  readonly jobs: JobsStore
  readonly doctor: Resource<DoctorReport>
  readonly drafts: Drafts
}

export interface StoresOptions {
  readonly connection: ConsoleConnection
  readonly schedule: ScheduleFrame
  readonly storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
}

export function createStores({ connection, schedule, storage }: StoresOptions): Stores {
  const { client } = connection
  const conversations = createConversationsStore(client)
  const chat = createChatStore({
    client,
    schedule,
    windowId: newWindowId(),
    onChange: (conversation) => conversations.touch(conversation),
  })
  const status = createStatusStore(client)
  const settings = createSettingsStore(client)
  const jobs = createJobsStore(client)
  const assistants = createAssistantsStore(client)
  const models = createResource(() => client.models.list())
  const keys = createResource(() => client.keys.list())
  // From another state than ready: the engine read its settings anew.
  status.store.subscribe(({ status: now }, { status: before }) => {
    const wasReady = before === null || defaultModelStatus(before)?.state.kind === 'ready'
    if (now && !wasReady && defaultModelStatus(now)?.state.kind === 'ready') settings.engineStarted()
  })
  const changes = createChangesStore(client, { conversations, chat, settings, assistants, models, keys }, schedule)
  return {
    client,
    conversations,
    finder: createConversationFinder(client),
    chat,
    status,
    settings,
    assistants,
    models,
    keys,
    jobs,
    doctor: createResource(() => client.app.doctor()),
    drafts: new Drafts(storage),
    connection: createConnectionStore(connection, () => {
      void status.follow()
      void jobs.follow()
      // Watched first: what changes while the first answers are on their way is looked at again.
      void changes.follow()
      void Promise.all([settings.load(), conversations.load(), assistants.load(), models.load(), chat.reload()])
    }),
  }
}

/** 32 hexadecimal digits, another one for every window and every reload. */
function newWindowId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

export const StoresContext = createContext<Stores | null>(null)

/** The stores, anywhere below the provider. */
export function useStores(): Stores {
  const stores = use(StoresContext)
  if (!stores) throw new Error('useStores needs the StoresContext provider above it')
  return stores
}
