/** Canned material of the fake console: what the preview page and renderer tests start from. */
import type { ApiKey } from '../domain/api-key.ts'
import type { AssistantVersion } from '../domain/assistant.ts'
import type { Conversation, Message } from '../domain/conversation.ts'
import type { EngineState } from '../domain/engine.ts'
import type { Receipt } from '../domain/generation.ts'
import type { Job } from '../domain/job.ts'
import type { ModelSummary } from '../domain/model.ts'
import type { AppStatus, DoctorReport, ModelStatus } from '../domain/status.ts'

const minute = 60_000
const mebibyte = 1024 * 1024

export const fakeReceipt: Receipt = {
  model: 'demo',
  systemFingerprint: 'fp_1f0c2a9e',
  provider: 'cpu',
  precision: 'fp32',
  queueMs: 3,
  ttftMs: 42,
  totalMs: 910,
  tokensPerSecond: 61.4,
  promptTokens: 128,
  completionTokens: 54,
  cachedTokens: 0,
  finishReason: 'stop',
  truncated: null,
  seed: 2_718_281_828,
}

/** An assistant as the fake console keeps it: every version, newest last. */
export interface FakeAssistant {
  readonly id: string
  readonly builtIn: boolean
  readonly publishedVersion: number | null
  readonly versions: readonly AssistantVersion[]
}

const shopPrompt =
  "You are the support assistant of Lumen & Oak, an online shop. Items can be returned within 30 days. Delivery takes 2-4 working days. The warranty is 24 months. Opening hours: Monday to Friday 9:00-18:00. Answer briefly in the customer's language. Never invent facts; hand over to a colleague when you cannot help."

/** One that customers get in an older version, one that is a draft, and one that has no instructions. */
export const fakeAssistants = (now: number): readonly FakeAssistant[] => {
  const version = (
    values: Pick<AssistantVersion, 'name' | 'version'> & Partial<AssistantVersion>,
    daysAgo: number,
  ) => ({
    model: null,
    systemPrompt: '',
    parameters: {},
    published: false,
    createdAt: now - daysAgo * 24 * 60 * minute,
    updatedAt: now - daysAgo * 24 * 60 * minute,
    ...values,
  })
  const shop = {
    name: 'Web shop',
    systemPrompt: shopPrompt,
    parameters: { temperature: 0.3, topP: 0.9, maxTokens: 256 },
  }
  return [
    {
      id: 'web-shop',
      builtIn: true,
      publishedVersion: 1,
      versions: [
        version({ ...shop, version: 1, published: true }, 30),
        version({ ...shop, version: 2, parameters: { ...shop.parameters, temperature: 0.5 } }, 2),
      ],
    },
    {
      id: 'returns',
      builtIn: false,
      publishedVersion: null,
      versions: [
        version(
          { name: '退货 Returns', version: 1, model: 'demo', systemPrompt: 'You know the return form by heart.' },
          1,
        ),
      ],
    },
    {
      id: 'plain',
      builtIn: true,
      publishedVersion: null,
      versions: [version({ name: 'No instructions', version: 1 }, 30)],
    },
  ]
}

export const fakeModels: readonly ModelSummary[] = [
  {
    name: 'demo',
    family: 'qwen3',
    precision: 'fp32',
    parameters: 4_200_000,
    contextLength: 2048,
    bytes: 17 * mebibyte,
    demo: true,
    createdAt: Date.UTC(2026, 10, 1),
    versions: [{ version: 1, precision: 'fp32', contentHash: 'd3'.repeat(32), createdAt: Date.UTC(2026, 10, 1) }],
    activeVersion: 1,
  },
  {
    name: 'tea-7b',
    family: 'qwen2',
    precision: 'int8',
    parameters: 7_600_000_000,
    contextLength: 32_768,
    bytes: 15_200 * mebibyte,
    demo: false,
    createdAt: Date.UTC(2026, 10, 12),
    versions: [
      { version: 1, precision: 'fp16', contentHash: 'a1'.repeat(32), createdAt: Date.UTC(2026, 10, 12) },
      { version: 2, precision: 'int8', contentHash: 'b2'.repeat(32), createdAt: Date.UTC(2026, 10, 15) },
    ],
    activeVersion: 2,
  },
]

/** A model that answers on the CPU, as the status bar hears of it. */
export const fakeReady = (
  model: string,
  weightBytes: number,
  kvBytes: number,
): Extract<EngineState, { kind: 'ready' }> => ({
  kind: 'ready',
  loaded: {
    model,
    precision: 'fp32',
    floats: 'float32',
    provider: 'cpu',
    refusals: [
      { provider: 'cuda', reason: 'No NVIDIA driver was found (libcuda.so.1 is missing).' },
      { provider: 'webgpu', reason: 'No graphics adapter was found (Vulkan reports 0 devices).' },
    ],
    contextLength: 2048,
    vocabularySize: 4096,
    slots: 8,
    lowered: null,
    weightBytes,
    kvBytes,
    loadMs: 412,
    fullStepMs: 31,
  },
  stats: { running: 0, waiting: 0, slots: 8, freeSlots: 8, steps: 18_204, tokensPerSecond: 0 },
  pid: 4242,
})

export const fakeModelStatus: ModelStatus = {
  model: 'demo',
  version: 1,
  key: `demo ${'d3'.repeat(32)}`,
  state: fakeReady('demo', 17 * mebibyte, 32 * mebibyte),
  since: Date.UTC(2026, 10, 20, 8, 12),
  memoryBytes: 172 * mebibyte,
}

/** A second, larger model that is loaded beside the default one. */
export const fakeSecondModel: ModelStatus = {
  model: 'tea-7b',
  version: 2,
  key: `tea-7b ${'b2'.repeat(32)}`,
  state: fakeReady('tea-7b', 7_400 * mebibyte, 1_900 * mebibyte),
  since: Date.UTC(2026, 10, 20, 8, 40),
  memoryBytes: 9_800 * mebibyte,
}

export const fakeStatus: AppStatus = {
  models: [fakeModelStatus],
  defaultModel: 'demo',
  missingDefaultModel: null,
  endpointUrl: 'http://127.0.0.1:4317/v1',
  requests: { total: 128, active: 0 },
  memoryBytes: 240 * mebibyte,
}

/** An import on its way and one that the last end of the program interrupted. */
export const fakeJobs = (now: number): readonly Job[] => [
  {
    id: 'job-2',
    input: { kind: 'import', directory: '/home/office/models/tea-7b', model: 'tea-7b', precision: 'int8' },
    state: { kind: 'running', fraction: 0.42, step: 'Building the graph' },
    cancelling: false,
    createdAt: now - 2 * minute,
    updatedAt: now,
  },
  {
    id: 'job-1',
    input: { kind: 'build', model: 'tea-7b', precision: 'int4' },
    state: { kind: 'interrupted', fraction: 0.2, step: 'Reading the weights' },
    cancelling: false,
    createdAt: now - 60 * minute,
    updatedAt: now - 55 * minute,
  },
]

export const fakeDoctor: DoctorReport = {
  version: '0.1.0',
  host: 'headless',
  versions: { node: '24.21.0', sqlite: '3.53.2', onnxruntime: '1.30.0', electron: null },
  platform: { os: 'Linux 6.18', arch: 'x64', cpu: 'AMD EPYC 7B13', cores: 2, memoryBytes: 24_000 * mebibyte },
  gpus: [],
  providers: [
    { provider: 'cuda', usable: false, reason: 'No NVIDIA driver was found (libcuda.so.1 is missing).' },
    { provider: 'webgpu', usable: false, reason: 'No graphics adapter was found (Vulkan reports 0 devices).' },
    { provider: 'cpu', usable: true, reason: 'AVX2, 2 cores.' },
  ],
  disk: { home: '/home/office/.switchboard', freeBytes: 48_000 * mebibyte },
  missingLibraries: ['cuDNN', 'cuBLAS'],
  checks: [
    { name: 'runtime', ok: true, message: 'ONNX Runtime 1.30.0 starts.' },
    { name: 'gpu', ok: false, message: 'No NVIDIA card with a loaded driver was found; the model runs without it.' },
    { name: 'cuda libraries', ok: false, message: 'Not found: cuDNN, cuBLAS. Needed only for CUDA.' },
  ],
}

export const fakeKeys = (now: number): readonly ApiKey[] => [
  {
    id: 'key-1',
    name: 'web-widget',
    prefix: 'sk-7Qm2',
    createdAt: now - 9 * 24 * 60 * minute,
    lastUsedAt: now - 2 * minute,
    revokedAt: null,
    assistantId: 'web-shop',
  },
  {
    id: 'key-2',
    name: 'old-laptop',
    prefix: 'sk-Zp81',
    createdAt: now - 40 * 24 * 60 * minute,
    lastUsedAt: null,
    revokedAt: now - 3 * 24 * 60 * minute,
    assistantId: null,
  },
]

const complete = { kind: 'complete' } as const

function dialogue(id: string, at: number, lines: readonly string[]): readonly Message[] {
  return lines.map((content, index): Message => ({
    id: `${id}-m${index}`,
    conversationId: id,
    parentId: index === 0 ? null : `${id}-m${index - 1}`,
    role: index % 2 === 0 ? 'user' : 'assistant',
    content,
    state: complete,
    receipt: index % 2 === 0 ? null : { ...fakeReceipt, ttftMs: 38 + index * 7, tokensPerSecond: 58.2 + index },
    createdAt: at + index * 20_000,
  }))
}

function conversation(id: string, title: string, at: number, messages: readonly Message[]): Conversation {
  return {
    id,
    title,
    assistantId: 'web-shop',
    model: null,
    createdAt: at,
    updatedAt: at + messages.length * 20_000,
    systemPrompt: '',
    parameters: {},
    activeLeafId: messages.at(-1)?.id ?? null,
    messages,
  }
}

/** A working day of conversations: three languages, branches, an interrupted reply, a shortened history, long text. */
export function fakeConversations(now: number): readonly Conversation[] {
  const order = dialogue('c-order', now - 6 * minute, [
    "Hi, my parcel 20251103 still hasn't shown up.",
    'Thank you, I have noted order **20251103**. A colleague checks with the carrier where the parcel is and writes back to you within our opening hours, Monday to Friday 9:00-18:00.',
    'And if it is lost, can I still return the lamp?',
    'Yes. Items can be returned within **30 days**:\n\n1. Keep the order number `20251103` at hand.\n2. A colleague sends you the return label.\n3. The refund follows once the parcel is back.\n\nSee [our return page](https://lumen-oak.example/returns) for details.',
  ])
  const branch: Message = {
    id: 'c-order-m3b',
    conversationId: 'c-order',
    parentId: 'c-order-m2',
    role: 'assistant',
    content: 'You can return it within 30 days. Order 20251103 is noted and a colleague takes it from here.',
    state: complete,
    receipt: { ...fakeReceipt, seed: 42, completionTokens: 23 },
    createdAt: now - 4 * minute,
  }
  const chinese = dialogue('c-chinese', now - 55 * minute, [
    '鞋子不想要了，可以退吗？',
    '可以的，签收后30天内都能退货。请把订单号发给我，我让同事帮您处理。',
    '单号 4417223',
    '好的，订单4417223已记录，30天内可退。同事会在工作时间9:00-18:00内回复您。',
  ])
  const spanish = dialogue('c-spanish', now - 26 * 60 * minute, [
    '¿Cuánto tarda en llegar un pedido a Sevilla?',
    'La entrega tarda de 2 a 4 días laborables. Los gastos de envío se muestran al finalizar la compra.',
  ])
  const interrupted = dialogue('c-interrupted', now - 3 * 60 * minute, [
    'Where can I find my invoice?',
    'The invoice is sent by e-mail. Please send me',
  ])
  const interruptedReply = interrupted[1]
  const cut = dialogue('c-cut', now - 2 * 24 * 60 * minute, [
    'I bought a desk lamp, a kettle and two chairs over the last months and have questions on all of them.',
    'Of course. Which article shall we start with?',
    'The kettle stopped working after half a year.',
    'I am sorry about that. The warranty is 24 months. Please send me the order number so that a colleague can take it on.',
  ])
  const cutReply = cut[3]
  return [
    {
      ...conversation('c-order', 'Parcel 20251103 not arrived', now - 6 * minute, [...order, branch]),
      activeLeafId: 'c-order-m3',
    },
    conversation('c-chinese', '鞋子退货', now - 55 * minute, chinese),
    conversation('c-interrupted', 'Where can I find my invoice?', now - 3 * 60 * minute, [
      ...interrupted.slice(0, 1),
      ...(interruptedReply
        ? [
            {
              ...interruptedReply,
              receipt: null,
              state: {
                kind: 'interrupted',
                error: { code: 'engine_crashed', message: 'The engine process ended with signal SIGKILL.' },
              } as const,
            },
          ]
        : []),
    ]),
    conversation('c-spanish', 'Envío a Sevilla', now - 26 * 60 * minute, spanish),
    conversation('c-cut', 'Kettle, lamp and chairs', now - 2 * 24 * 60 * minute, [
      ...cut.slice(0, 3),
      ...(cutReply
        ? [{ ...cutReply, receipt: { ...fakeReceipt, truncated: { droppedMessages: 6, droppedTokens: 812 } } }]
        : []),
    ]),
  ]
}

const replies = {
  zh: '您好，**感谢您的咨询**。支持30天内退货，发货后2-4个工作日送达，保修24个月。\n\n请把订单号发给我，同事会在工作时间9:00-18:00内回复您。',
  es: 'Gracias por escribirnos. Puede devolver los artículos en un plazo de **30 días** y la entrega tarda de 2 a 4 días laborables.\n\nEnvíeme por favor el número de pedido y un compañero se encarga.',
  en: 'Thank you for your message. Items can be returned within **30 days**, delivery takes 2-4 working days and the warranty is 24 months.\n\nPlease send me the order number; a colleague takes it on and writes back to you within our opening hours, Monday to Friday 9:00-18:00.',
} as const

/** The canned reply in the language of the question. */
export function fakeReply(question: string): string {
  if (/[\u4e00-\u9fff]/.test(question)) return replies.zh
  if (/[¿¡áéíóúñ]|cu[aá]nto|pedido/i.test(question)) return replies.es
  return replies.en
}
