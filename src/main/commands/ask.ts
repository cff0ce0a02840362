import type { ParameterOverrides, PromptMessage } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { createCore, openStorageAt } from '../backend.ts'
import { launchChildProcess } from '../platform/child-process.ts'
import type { Home } from '../platform/home.ts'
import type { ProductFiles } from '../platform/product-files.ts'
import { findRunning } from '../platform/run-file.ts'
import { readSecret } from '../platform/secret-file.ts'
import { newId } from '../storage/new-id.ts'
import type { Command } from './arguments.ts'
import { askServer } from './ask-server.ts'

/** One question with everything settled. */
export interface Question {
  readonly model: string
  readonly messages: readonly PromptMessage[]
  readonly parameters: ParameterOverrides
}

/**
 * Answers one question on `write`, through the running instance of this home where there is one, otherwise in this
 * process.
 * @throws SwitchboardError what answering fails with; cancelled when the signal aborts.
 */
export async function ask(
  command: Extract<Command, { kind: 'ask' }>,
  {
    home,
    files,
    write,
    signal,
  }: {
    readonly home: Home
    readonly files: ProductFiles
    readonly write: (text: string) => void
    readonly signal: AbortSignal
  },
): Promise<void> {
  const question = readQuestion(command, home, files)
  const run = findRunning(home.runFile)
  const secret = readSecret(home.consoleKey)
  if (
    run !== null &&
    secret !== null &&
    (await askServer(question, { url: `http://127.0.0.1:${run.port}`, secret, write, signal }))
  )
    return

  const core = createCore({ home, files, host: 'headless', launch: launchChildProcess })
  try {
    const { parameters, model, messages } = question
    const request = {
      requestId: newId(),
      client: 'console',
      priority: 'interactive',
      model,
      input: { kind: 'chat', messages },
      parameters,
      stop: [],
      logprobs: null,
      echo: false,
    } as const
    for await (const event of core.replies.reply(request, signal)) {
      if (event.kind === 'delta') write(event.text)
      if (event.kind === 'done' && event.receipt.finishReason === 'cancelled')
        throw new SwitchboardError('cancelled', 'the reply was stopped')
    }
  } finally {
    await core.dispose()
  }
}

/** What the command leaves open comes from the settings and the default preset, as in a new conversation. */
function readQuestion(
  { text, model, system, maxTokens, seed }: Extract<Command, { kind: 'ask' }>,
  home: Home,
  files: ProductFiles,
): Question {
  const storage = openStorageAt(home, files)
  try {
    const { defaultModel, defaultPresetId } = storage.settings.get()
    const preset = storage.presets.list().find(({ id }) => id === defaultPresetId)
    const prompt = system ?? preset?.systemPrompt ?? ''
    return {
      model: model ?? defaultModel,
      messages: [
        ...(prompt.trim() === '' ? [] : [{ role: 'system', content: prompt } as const]),
        { role: 'user', content: text },
      ],
      parameters: {
        ...preset?.parameters,
        ...(maxTokens === undefined ? {} : { maxTokens }),
        ...(seed === undefined ? {} : { seed }),
      },
    }
  } finally {
    storage.dispose()
  }
}
