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

/** What a name at the door stands for. */
export interface Resolved {
  readonly target: Target
  /** null where a model was named directly. */
  readonly instructions: Instructions | null
}

export interface ResolverOptions {
  readonly catalog: Pick<Catalog, 'find' | 'has' | 'list'>
  readonly assistants: Pick<AssistantRepository, 'list' | 'version'>
  readonly settings: Pick<SettingsRepository, 'current'>
}

/** An assistant that programs may call, as it was published. */
export interface PublishedAssistant {
  readonly assistant: Assistant
  readonly version: number
  readonly values: AssistantValues
}

interface Known {
  readonly all: readonly Assistant[]
  readonly published: readonly PublishedAssistant[]
}

/** Turns the names that doors are given into targets; nothing below the doors looks a name up. */
export class Resolver {
  readonly #catalog: ResolverOptions['catalog']
  readonly #assistants: ResolverOptions['assistants']
  readonly #settings: ResolverOptions['settings']
  /** Assistants as last read; dropped when any changed. */
  #known: Promise<Known> | null = null

  constructor({ catalog, assistants, settings }: ResolverOptions) {
    this.#catalog = catalog
    this.#assistants = assistants
    this.#settings = settings
  }

  /** Assistants may have changed, here or in another process: they are read again. */
  forgetAssistants(): void {
    this.#known = null
  }

  /** Assistants that programs may call. */
  async published(): Promise<readonly PublishedAssistant[]> {
    return (await this.#read()).published
  }

  /**
   * What a program asks: a model by its name, else a published assistant by its call name. null is the default
   * assistant where it is published, else the default model. A key that is bound to an assistant gets that one, whatever
   * it names.
   * @throws SwitchboardError model_not_found, model_corrupt; assistant_not_found where the key's assistant is gone.
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
   * What a conversation of the window asks: the latest version of its assistant, or a model with its own instructions.
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

  /** A model alone. @throws SwitchboardError model_not_found, model_corrupt */
  async model(name: string): Promise<Resolved> {
    return { target: targetOf(name, await this.#catalog.find(name), null), instructions: null }
  }

  /** The default model of the settings; where that is gone the first imported one, else the demo. */
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
      // Programs call an assistant by its present name, whichever version they get.
      published.push({ assistant, version: publishedVersion, values: { ...values, name: assistant.name } })
    }
    return { all, published }
  }
}

function targetOf(name: string, model: TargetModel, assistant: Target['assistant']): Target {
  return { name, model, adapters: [], assistant, where: { kind: 'local' }, fingerprint: fingerprintOf(model) }
}

/** Changes with any file of the model, its precision and the way graphs are built. */
function fingerprintOf({ contentHash }: TargetModel): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([contentHash, [], GRAPH_VERSION]))
    .digest('hex')
  return `fp_${digest.slice(0, 12)}`
}
