import type { Ask, Instructions } from '../../shared/domain/ask.ts'
import type { ParameterOverrides, PromptMessage } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { createCore, openStores, type Stores } from '../backend.ts'
import { launchChildProcess } from '../platform/child-process.ts'
import { findRunning } from '../platform/run-file.ts'
import { readSecret } from '../platform/secret-file.ts'
import { newId } from '../storage/new-id.ts'
import type { CommandOf } from './arguments.ts'
import { askServer } from './ask-server.ts'
import type { CommandContext } from './context.ts'

/** A question with its defaults resolved. */
export interface Question {
  /** Catalog name. */
  readonly model: string
  readonly messages: readonly PromptMessage[]
  readonly parameters: ParameterOverrides
}

/**
 * Answers one question on standard output, through the running instance of this home if there is one, otherwise in this
 * process.
 * @throws SwitchboardError the errors of answering; cancelled when the signal aborts.
 */
export async function ask(
  command: CommandOf<'ask'>,
  { home, files, terminal: { out: write }, signal }: CommandContext,
): Promise<void> {
  const launch = launchChildProcess
  const stores = await openStores({ home, files, launch }, false)
  const question = await readQuestion(command, stores).finally(() => stores.dispose())
  const run = findRunning(home.runFile)
  const secret = readSecret(home.consoleKey)
  const server = run === null || secret === null ? null : { url: `http://127.0.0.1:${run.port}`, secret }
  if (server !== null && (await askServer(question, { ...server, write, signal }))) return

  const core = await createCore({ home, files, host: 'headless', launch })
  try {
    const { parameters, model, messages } = question
    const { target } = await core.resolver.model(model)
    const asked: Ask = {
      requestId: newId(),
      client: 'console',
      priority: 'interactive',
      target,
      instructions: null,
      input: { kind: 'chat', messages },
      parameters,
      stop: [],
      logprobs: null,
      echo: false,
      structure: null,
      speculation: true,
    }
    for await (const event of core.answerer.answer(asked, signal)) {
      if (event.kind === 'delta') write(event.text)
      if (event.kind === 'done' && event.receipt.finishReason === 'cancelled')
        throw new SwitchboardError('cancelled', 'the reply was stopped')
    }
  } finally {
    await core.dispose()
  }
}

/** `--model` is a model or an assistant, published or not. What is not given comes from the default assistant. */
async function readQuestion(
  { text, model, system, maxTokens, seed }: CommandOf<'ask'>,
  { storage, catalog, resolver }: Stores,
): Promise<Question> {
  const all = await storage.assistants.list()
  const isModel = model !== undefined && (await catalog.has(model))
  const named = model === undefined || isModel ? null : await storage.assistants.find(model)
  // A name that is neither is refused when the model is resolved.
  const standard = all.find(({ id }) => id === storage.settings.current.defaultAssistantId)
  const assistant = named ?? standard ?? null
  const { target, instructions } = await resolver.forConversation({
    assistantId: assistant?.id ?? null,
    model: named === null ? (model ?? null) : null,
    systemPrompt: '',
    parameters: {},
  })
  const { systemPrompt, parameters }: Instructions = instructions ?? { systemPrompt: '', parameters: {} }
  const prompt = system ?? systemPrompt
  return {
    model: target.model.name,
    messages: [
      ...(prompt.trim() === '' ? [] : [{ role: 'system', content: prompt } as const]),
      { role: 'user', content: text },
    ],
    parameters: {
      ...parameters,
      ...(maxTokens === undefined ? {} : { maxTokens }),
      ...(seed === undefined ? {} : { seed }),
    },
  }
}
