import { type Assistant, type AssistantValues, type AssistantVersion, callName } from '../../shared/domain/assistant.ts'
import type { ParameterOverrides } from '../../shared/domain/conversation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Row } from './database.ts'
import { textOrNull } from './database.ts'
import { newId } from './new-id.ts'
import type { AssistantRepository } from './repositories.ts'
import type { Store, StoreContext } from './store.ts'

const MAX_NAME_CHARACTERS = 80

/** An assistant that comes with the program. */
export interface BuiltInAssistant extends AssistantValues {
  readonly id: string
}

export interface AssistantStore extends Store<AssistantRepository> {
  /** Adds those whose id was never stored. An edited or removed one stays as it is. */
  seed(builtIn: readonly BuiltInAssistant[]): void
}

export function createAssistantStore({ database, now, changed }: StoreContext): AssistantStore {
  const announce = (): void => changed({ kind: 'assistants' })

  const get = (id: string): Assistant => {
    const row = database.get(`${liveAssistant} AND a.id = ?`, id)
    if (row === undefined) throw notFound(id)
    return toAssistant(row)
  }

  const find = (name: string): Assistant | null => {
    const row = database.get(`${liveAssistant} AND a.call_name = ?`, callName(name))
    return row === undefined ? null : toAssistant(row)
  }

  const version = (id: string, number: number): AssistantVersion => {
    const row = database.get(`${versionsOf} AND v.version = ?`, id, number)
    if (row === undefined) throw notFound(id, number)
    return toVersion(row)
  }

  /** @throws SwitchboardError invalid_name, name_taken unless `id` has that name itself. */
  const checkedName = (wanted: string, id: string | null): string => {
    const name = wanted.toWellFormed().trim()
    if (name === '' || name.length > MAX_NAME_CHARACTERS)
      throw new SwitchboardError(
        'invalid_name',
        `the name of an assistant has 1 to ${MAX_NAME_CHARACTERS} characters`,
        {
          param: 'name',
        },
      )
    const other = find(name)
    if (other !== null && other.id !== id)
      throw new SwitchboardError('name_taken', `the assistant ${other.name} is called ${callName(name)} already`, {
        param: 'name',
      })
    return name
  }

  const insertVersion = (id: string, number: number, values: Omit<AssistantValues, 'name'>): void => {
    database.run(
      'INSERT INTO assistant_versions VALUES (?, ?, ?, ?, ?, 0, ?, ?)',
      id,
      number,
      values.model,
      values.systemPrompt.toWellFormed(),
      JSON.stringify(values.parameters),
      now(),
      now(),
    )
  }

  const insert = (id: string, values: AssistantValues, builtIn: boolean): void => {
    database.run(
      'INSERT INTO assistants (id, name, call_name, built_in, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)',
      id,
      values.name,
      callName(values.name),
      builtIn ? 1 : 0,
      now(),
      now(),
    )
    insertVersion(id, 1, values)
    announce()
  }

  const setPublished = (id: string, published: number | null): Assistant => {
    database.run('UPDATE assistants SET published_version = ?, updated_at = ? WHERE id = ?', published, now(), id)
    announce()
    return get(id)
  }

  const rename = (id: string, name: string): void => {
    database.run(
      'UPDATE assistants SET name = ?, call_name = ?, updated_at = ? WHERE id = ?',
      name,
      callName(name),
      now(),
      id,
    )
  }

  /** Makes these the latest values: in a new version where the latest one is frozen. */
  const write = ({ id, version: latest }: Assistant, values: Omit<AssistantValues, 'name'>, freeze: boolean): void => {
    if (freeze) insertVersion(id, latest + 1, values)
    else
      database.run(
        `UPDATE assistant_versions SET model = ?, system_prompt = ?, parameters = ?, updated_at = ?
         WHERE assistant_id = ? AND version = ?`,
        values.model,
        values.systemPrompt.toWellFormed(),
        JSON.stringify(values.parameters),
        now(),
        id,
        latest,
      )
    database.run('UPDATE assistants SET updated_at = ? WHERE id = ?', now(), id)
  }

  return {
    list: () => database.all(`${liveAssistant} ORDER BY a.built_in DESC, a.call_name`).map(toAssistant),

    get,

    find,

    version,

    versions(id) {
      const rows = database.all(`${versionsOf} ORDER BY v.version DESC`, id)
      if (rows.length === 0) throw notFound(id)
      return rows.map(toVersion)
    },

    create(values) {
      const id = newId()
      insert(id, { ...values, name: checkedName(values.name, null) }, false)
      return get(id)
    },

    update(id, { name, model, systemPrompt, parameters }) {
      const assistant = get(id)
      const wanted = {
        model: model === undefined ? assistant.model : model,
        systemPrompt: systemPrompt ?? assistant.systemPrompt,
        parameters: parameters ?? assistant.parameters,
      }
      if (name !== undefined) rename(id, checkedName(name, id))
      if (!sameValues(wanted, assistant)) write(assistant, wanted, version(id, assistant.version).published)
      announce()
      return get(id)
    },

    publish(id) {
      const { version: latest } = get(id)
      database.run('UPDATE assistant_versions SET published = 1 WHERE assistant_id = ? AND version = ?', id, latest)
      return setPublished(id, latest)
    },

    unpublish(id) {
      get(id)
      return setPublished(id, null)
    },

    takeBack(id, number) {
      const assistant = get(id)
      const earlier = version(id, number)
      // Always a new version: the latest one may hold work that nobody published yet.
      if (!sameValues(earlier, assistant)) write(assistant, earlier, true)
      announce()
      return get(id)
    },

    remove(id) {
      get(id)
      database.run('UPDATE assistants SET deleted_at = ? WHERE id = ?', now(), id)
      announce()
    },

    restore(id) {
      const row = database.get('SELECT name FROM assistants WHERE id = ?', id)
      if (row === undefined) throw notFound(id)
      checkedName(String(row['name']), id)
      database.run('UPDATE assistants SET deleted_at = NULL WHERE id = ?', id)
      announce()
      return get(id)
    },

    seed(builtIn) {
      for (const { id, ...values } of builtIn) {
        if (database.get('SELECT id FROM assistants WHERE id = ?', id) !== undefined) continue
        let name = values.name
        for (let number = 2; find(name) !== null; number += 1) name = `${values.name} ${number}`
        insert(id, { ...values, name }, true)
      }
    },
  }
}

/** A live assistant with the values of its latest version. */
const liveAssistant = `
  SELECT a.*, v.version, v.model, v.system_prompt, v.parameters
  FROM assistants a JOIN assistant_versions v ON v.assistant_id = a.id
    AND v.version = (SELECT max(version) FROM assistant_versions WHERE assistant_id = a.id)
  WHERE a.deleted_at IS NULL`

const versionsOf = `
  SELECT v.*, a.name FROM assistant_versions v JOIN assistants a ON a.id = v.assistant_id
  WHERE a.deleted_at IS NULL AND a.id = ?`

function notFound(id: string, version?: number): SwitchboardError {
  const what = version === undefined ? `assistant ${id}` : `version ${version} of assistant ${id}`
  return new SwitchboardError('assistant_not_found', `${what} does not exist`)
}

function sameValues(one: Omit<AssistantValues, 'name'>, other: Omit<AssistantValues, 'name'>): boolean {
  return (
    one.model === other.model &&
    one.systemPrompt === other.systemPrompt &&
    canonical(one.parameters) === canonical(other.parameters)
  )
}

function canonical(parameters: ParameterOverrides): string {
  return JSON.stringify(Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function toValues(row: Row): AssistantValues {
  return {
    name: String(row['name']),
    model: textOrNull(row['model']),
    systemPrompt: String(row['system_prompt']),
    parameters: JSON.parse(String(row['parameters'])) as ParameterOverrides,
  }
}

function toAssistant(row: Row): Assistant {
  return {
    ...toValues(row),
    id: String(row['id']),
    version: Number(row['version']),
    publishedVersion: row['published_version'] === null ? null : Number(row['published_version']),
    builtIn: row['built_in'] === 1,
    createdAt: Number(row['created_at']),
    updatedAt: Number(row['updated_at']),
  }
}

function toVersion(row: Row): AssistantVersion {
  return {
    ...toValues(row),
    version: Number(row['version']),
    published: row['published'] === 1,
    createdAt: Number(row['created_at']),
    updatedAt: Number(row['updated_at']),
  }
}
