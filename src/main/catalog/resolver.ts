import { createHash } from 'node:crypto'
import { GRAPH_VERSION } from '../../shared/contracts/graph.ts'
import type { Instructions } from '../../shared/domain/ask.ts'
import { callName, type Assistant, type AssistantValues } from '../../shared/domain/assistant.ts'
import type { Conversation } from '../../shared/domain/conversation.ts'
import type { Target, TargetModel } from '../../shared/domain/target.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { AssistantRepository, SettingsRepository } from '../storage/repositories.ts'
import { DEMO_MODEL } from './built-in-model.ts'
import type { Catalog } from './catalog.ts'

/** Target and instructions of a model or assistant name. */
export interface Resolved {
  readonly target: Target
  /** null when a model was named directly. */
  readonly instructions: Instructions | null
}

export interface ResolverOptions {
  readonly catalog: Pick<Catalog, 'find' | 'has' | 'list'>
  readonly assistants: Pick<AssistantRepository, 'list' | 'version'>
  readonly settings: Pick<SettingsRepository, 'current'>
}

/** An assistant that programs may call, with the values of its published version. */
export interface PublishedAssistant {
  readonly assistant: Assistant
  readonly version: number
  readonly values: AssistantValues
}

interface Known {
  readonly all: readonly Assistant[]
  readonly published: readonly PublishedAssistant[]
}

/**
 * Resolves names of models and assistants to targets. Names are resolved only here; everything below works on targets.
 */
export class Resolver {
  readonly #catalog: ResolverOptions['catalog']
  readonly #assistants: ResolverOptions['assistants']
  readonly #settings: ResolverOptions['settings']
  /** Cached assistants; dropped when any changed. */
  #known: Promise<Known> | null = null

  constructor({ catalog, assistants, settings }: ResolverOptions) {
    this.#catalog = catalog
    this.#assistants = assistants
    this.#settings = settings
  }

  /** Drops the cached assistants, which may have changed here or in another process. */
  forgetAssistants(): void {
    this.#known = null
  }

  /** Assistants that programs may call. */
  async published(): Promise<readonly PublishedAssistant[]> {
    return (await this.#read()).published
  }

  /**
   * The target of a program's request.
   * @param name a model, otherwise a published assistant by its call name; null is the default assistant if published,
   *   otherwise the default model.
   * @param boundAssistantId assistant the key is bound to; it answers whatever the name.
   * @throws SwitchboardError model_not_found, model_corrupt; assistant_not_found when the bound assistant was removed
   *   or is not published.
   */
  async forProgram(name: string | null, boundAssistantId: string | null): Promise<Resolved> {
    const published = await this.published()
    if (boundAssistantId !== null) {
      const bound = published.find(({ assistant }) => assistant.id === boundAssistantId)
      if (bound === undefined)
        throw new SwitchboardError(
          'assistant_not_found',
          'the assistant this key is bound to was removed, or is not published',
        )
      return await this.#ofAssistant(bound)
    }
    if (name === null) {
      const standard = published.find(({ assistant }) => assistant.id === this.#settings.current.defaultAssistantId)
      return standard === undefined ? await this.model(await this.defaultModel()) : await this.#ofAssistant(standard)
    }
    if (await this.#catalog.has(name)) return await this.model(name)
    const wanted = callName(name)
    const named = published.find(({ values }) => callName(values.name) === wanted)
    if (named === undefined)
      throw new SwitchboardError('model_not_found', 'there is no model and no published assistant of this name', {
        param: 'model',
      })
    return await this.#ofAssistant(named)
  }

  /**
   * The target of a conversation: the latest version of its assistant, or a model with the conversation's instructions.
   * @throws SwitchboardError assistant_not_found, model_not_found, model_corrupt
   */
  async forConversation(
    conversation: Pick<Conversation, 'assistantId' | 'model' | 'systemPrompt' | 'parameters'>,
  ): Promise<Resolved> {
    const { assistantId, model, systemPrompt, parameters } = conversation
    if (assistantId === null) {
      const { target } = await this.model(model ?? (await this.defaultModel()))
      return { target, instructions: { systemPrompt, parameters } }
    }
    const { all } = await this.#read()
    const assistant = all.find(({ id }) => id === assistantId)
    if (assistant === undefined)
      throw new SwitchboardError('assistant_not_found', 'the assistant of this conversation was removed')
    const values = model === null ? assistant : { ...assistant, model }
    return await this.#ofAssistant({ assistant, version: assistant.version, values })
  }

  /** A model without instructions. @throws SwitchboardError model_not_found, model_corrupt */
  async model(name: string): Promise<Resolved> {
    return { target: targetOf(name, await this.#catalog.find(name), null), instructions: null }
  }

  /** The default model of the settings; if it was removed, the first imported model, otherwise the demo model. */
  async defaultModel(): Promise<string> {
    const { defaultModel } = this.#settings.current
    if (await this.#catalog.has(defaultModel)) return defaultModel
    const models = await this.#catalog.list()
    return models.find(({ demo }) => !demo)?.name ?? models[0]?.name ?? DEMO_MODEL
  }

  async #ofAssistant({ assistant, version, values }: PublishedAssistant): Promise<Resolved> {
    const model = await this.#catalog.find(values.model ?? (await this.defaultModel()))
    const { systemPrompt, parameters } = values
    const { id, name } = assistant
    return {
      target: targetOf(callName(name), model, { id, name, version }),
      instructions: { systemPrompt, parameters },
    }
  }

  #read(): Promise<Known> {
    if (this.#known === null) {
      const reading = this.#load()
      this.#known = reading
      reading.catch(() => {
        if (this.#known === reading) this.#known = null
      })
    }
    return this.#known
  }

  async #load(): Promise<Known> {
    const all = await this.#assistants.list()
    const published: PublishedAssistant[] = []
    for (const assistant of all) {
      const { id, version, publishedVersion } = assistant
      if (publishedVersion === null) continue
      const values = publishedVersion === version ? assistant : await this.#assistants.version(id, publishedVersion)
      // Programs use the current name of an assistant, whichever version is published.
      published.push({ assistant, version: publishedVersion, values: { ...values, name: assistant.name } })
    }
    return { all, published }
  }
}

function targetOf(name: string, model: TargetModel, assistant: Target['assistant']): Target {
  return { name, model, adapters: [], assistant, where: { kind: 'local' }, fingerprint: fingerprintOf(model) }
}

/** Changes with any file of the model, its precision and the builder version. */
function fingerprintOf({ contentHash }: TargetModel): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([contentHash, [], GRAPH_VERSION]))
    .digest('hex')
  return `fp_${digest.slice(0, 12)}`
}
