import {
  callName,
  type Assistant,
  type AssistantFile,
  type AssistantValues,
  type AssistantVersion,
} from '../domain/assistant.ts'
import { SwitchboardError } from '../errors/switchboard-error.ts'
import type { ConsoleClient } from './console-bridge.ts'
import type { FakeAssistant } from './console.fake-data.ts'

const MAX_NAME_CHARACTERS = 80

export interface FakeAssistantsOptions {
  readonly assistants: readonly FakeAssistant[]
  readonly now: () => number
  readonly id: () => string
  readonly changed: () => void
}

/** The assistants of the fake console, with the contract's rules for versions, publishing and names. */
export class FakeAssistants {
  readonly calls: ConsoleClient['assistants'] = {
    list: async () =>
      [...this.#kept.values()]
        .filter(({ id }) => !this.#removed.has(id))
        .map(assistantOf)
        .toSorted((a, b) => Number(b.builtIn) - Number(a.builtIn) || (callName(a.name) < callName(b.name) ? -1 : 1)),
    create: async (values) => this.#create(values),
    update: async ({ id, ...patch }) => {
      const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined))
      return this.#edit(id, given)
    },
    duplicate: async ({ id, name }) => this.#create({ ...valuesOf(latest(this.#find(id))), name }),
    publish: async ({ id }) => {
      const assistant = this.#find(id)
      const published = { ...latest(assistant), published: true }
      return this.#keep({
        ...assistant,
        publishedVersion: published.version,
        versions: [...assistant.versions.slice(0, -1), published],
      })
    },
    unpublish: async ({ id }) => this.#keep({ ...this.#find(id), publishedVersion: null }),
    versions: async ({ id }) => this.#find(id).versions.toReversed(),
    takeBack: async ({ id, version }) => {
      const earlier = this.#find(id).versions.find((candidate) => candidate.version === version)
      if (!earlier) throw new SwitchboardError('assistant_not_found', `There is no version ${version}.`)
      // Always a new version: the latest one may hold work that nobody published yet.
      return this.#edit(id, { ...valuesOf(earlier), name: latest(this.#find(id)).name }, true)
    },
    export: async ({ id }): Promise<AssistantFile> => ({
      format: 'switchboard.assistant',
      formatVersion: 1,
      ...valuesOf(latest(this.#find(id))),
    }),
    import: async ({ format: _format, formatVersion: _version, ...values }) =>
      this.#create({ ...values, name: this.#freeName(values.name) }),
    remove: async ({ id }) => {
      this.#find(id)
      this.#removed.add(id)
      this.#options.changed()
    },
    restore: async ({ id }) => {
      const assistant = this.#kept.get(id)
      if (assistant) this.#checkName(latest(assistant).name, id)
      this.#removed.delete(id)
      return this.#keep(this.#find(id))
    },
  }
  readonly #kept: Map<string, FakeAssistant>
  readonly #removed = new Set<string>()
  readonly #options: FakeAssistantsOptions

  constructor(options: FakeAssistantsOptions) {
    this.#options = options
    this.#kept = new Map(options.assistants.map((assistant) => [assistant.id, assistant]))
  }

  /** The assistant as it answers people now; undefined where there is none, so that the default model answers. */
  find(id: string | null): Assistant | undefined {
    const assistant = id === null || this.#removed.has(id) ? undefined : this.#kept.get(id)
    return assistant && assistantOf(assistant)
  }

  /** @throws SwitchboardError assistant_not_found */
  get(id: string): Assistant {
    return assistantOf(this.#find(id))
  }

  builtIn(): Assistant | undefined {
    return [...this.#kept.keys()].map((id) => this.find(id)).find((assistant) => assistant?.builtIn)
  }

  #find(id: string): FakeAssistant {
    const assistant = this.#removed.has(id) ? undefined : this.#kept.get(id)
    if (!assistant) throw new SwitchboardError('assistant_not_found', `There is no assistant ${id}.`)
    return assistant
  }

  #keep(assistant: FakeAssistant): Assistant {
    this.#kept.set(assistant.id, assistant)
    this.#options.changed()
    return assistantOf(assistant)
  }

  #isTaken(name: string, besides: string | null): boolean {
    return [...this.#kept.values()].some(
      (other) =>
        other.id !== besides && !this.#removed.has(other.id) && callName(latest(other).name) === callName(name),
    )
  }

  #freeName(name: string): string {
    let free = name
    for (let number = 2; this.#isTaken(free, null); number += 1) {
      const suffix = ` ${number}`
      free = `${name.slice(0, MAX_NAME_CHARACTERS - suffix.length).trimEnd()}${suffix}`
    }
    return free
  }

  #checkName(name: string, besides: string | null): void {
    if (this.#isTaken(name, besides))
      throw new SwitchboardError('name_taken', `An assistant named ${name} exists.`, { param: 'name' })
  }

  #create(values: AssistantValues): Assistant {
    this.#checkName(values.name, null)
    const at = this.#options.now()
    return this.#keep({
      id: this.#options.id(),
      builtIn: false,
      publishedVersion: null,
      versions: [{ ...values, version: 1, published: false, createdAt: at, updatedAt: at }],
    })
  }

  /** Changes the latest version; adds one where that was published or is `frozen`. A name belongs to all versions. */
  #edit(id: string, patch: Partial<AssistantValues>, frozen = false): Assistant {
    const assistant = this.#find(id)
    if (patch.name !== undefined) this.#checkName(patch.name, id)
    const before = latest(assistant)
    const { name, ...values } = { ...valuesOf(before), ...patch }
    const versions = assistant.versions.map((version) => ({ ...version, name }))
    if (JSON.stringify({ ...valuesOf(before), ...values }) === JSON.stringify(valuesOf(before)))
      return this.#keep({ ...assistant, versions })
    const at = this.#options.now()
    const after =
      before.published || frozen
        ? { ...before, ...values, name, version: before.version + 1, published: false, createdAt: at, updatedAt: at }
        : { ...before, ...values, name, updatedAt: at }
    return this.#keep({
      ...assistant,
      versions: [...versions.filter(({ version }) => version < after.version), after],
    })
  }
}

function latest({ id, versions }: FakeAssistant): AssistantVersion {
  const version = versions.at(-1)
  if (!version) throw new Error(`the assistant ${id} has no version`)
  return version
}

function valuesOf({ name, model, systemPrompt, parameters }: AssistantVersion): AssistantValues {
  return { name, model, systemPrompt, parameters }
}

function assistantOf(assistant: FakeAssistant): Assistant {
  const { id, builtIn, publishedVersion, versions } = assistant
  const { version, updatedAt, ...rest } = latest(assistant)
  return {
    ...valuesOf({ version, updatedAt, ...rest }),
    id,
    version,
    publishedVersion,
    builtIn,
    createdAt: versions[0]?.createdAt ?? updatedAt,
    updatedAt,
  }
}
