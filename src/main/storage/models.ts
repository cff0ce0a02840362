import type { Precision } from '../../shared/domain/generation.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Row } from './database.ts'
import type { ModelRepository, ModelRow, ModelVersionRow } from './repositories.ts'
import type { Store, StoreContext } from './store.ts'

export function createModelStore({ database, now, changed }: StoreContext): Store<ModelRepository> {
  const withVersions = (row: Row): ModelRow => ({
    name: String(row['name']),
    activeVersion: Number(row['active_version']),
    versions: database
      .all('SELECT * FROM model_versions WHERE model = ? ORDER BY version', String(row['name']))
      .map(toVersion),
  })

  const find = (name: string): ModelRow | null => {
    const row = database.get('SELECT * FROM models WHERE name = ?', name)
    return row === undefined ? null : withVersions(row)
  }

  const get = (name: string): ModelRow => {
    const model = find(name)
    if (model === null) throw new SwitchboardError('model_not_found', `model ${name} does not exist`)
    return model
  }

  return {
    list: () => database.all('SELECT * FROM models ORDER BY name').map(withVersions),

    find,

    addVersion(name, { precision, contentHash }) {
      const versions = find(name)?.versions ?? []
      if (versions.some((version) => version.contentHash === contentHash)) return get(name)
      const number = (versions.at(-1)?.version ?? 0) + 1
      if (number === 1) database.run('INSERT INTO models (name, active_version) VALUES (?, 1)', name)
      database.run('INSERT INTO model_versions VALUES (?, ?, ?, ?, ?)', name, number, precision, contentHash, now())
      changed({ kind: 'models' })
      return get(name)
    },

    use(name, version) {
      if (!get(name).versions.some((known) => known.version === version))
        throw new SwitchboardError('model_not_found', `model ${name} has no version ${version}`)
      database.run('UPDATE models SET active_version = ? WHERE name = ?', version, name)
      changed({ kind: 'models' })
      return get(name)
    },

    remove(name) {
      database.run('DELETE FROM model_versions WHERE model = ?', name)
      if (database.run('DELETE FROM models WHERE name = ?', name) > 0) changed({ kind: 'models' })
    },
  }
}

function toVersion(row: Row): ModelVersionRow {
  return {
    version: Number(row['version']),
    precision: row['precision'] as Precision,
    contentHash: String(row['content_hash']),
    createdAt: Number(row['created_at']),
  }
}
