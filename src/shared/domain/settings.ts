import type { ProviderPolicy } from './engine.ts'

export interface Settings {
  readonly language: 'auto' | 'en' | 'zh-CN'
  readonly theme: 'auto' | 'light' | 'dark'
  readonly providers: ProviderPolicy
  /** Conversations that decode at once. */
  readonly slots: number
  /** Requests that may wait beyond the slots. */
  readonly queueRequests: number
  /** Tokens of prompt and reply together; capped by the model. */
  readonly contextLength: number
  /** Model that new conversations and requests without a model use. */
  readonly defaultModel: string
  /** Assistant of new conversations, and of requests that name no model once it is published. */
  readonly defaultAssistantId: string
  /** First run was explained. */
  readonly welcomed: boolean
}

export const defaultSettings: Settings = {
  language: 'auto',
  theme: 'auto',
  providers: { prefer: 'auto', allowCpu: true },
  slots: 8,
  queueRequests: 64,
  contextLength: 4096,
  defaultModel: 'demo',
  defaultAssistantId: 'web-shop',
  welcomed: false,
}
