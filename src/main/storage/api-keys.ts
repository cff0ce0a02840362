import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { isKeyName, type ApiKey } from '../../shared/domain/api-key.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { type Row, textOrNull } from './database.ts'
import { newId } from './new-id.ts'
import type { ApiKeyRepository } from './repositories.ts'
import type { Store, StoreContext } from './store.ts'

/** `sb-` and 256 random bits, base64url. */
const secretPattern = /^sb-[0-9A-Za-z_-]{43}$/

export interface ApiKeyStore extends Omit<Store<ApiKeyRepository>, 'authenticate'> {
  /** The live key this secret belongs to, or null. */
  find(secret: string): ApiKey | null
  noteUse(id: string, at: number): void
  revokedIds(): readonly string[]
}

export function createApiKeyStore({ database, now, changed }: StoreContext): ApiKeyStore {
  const announce = (): void => changed({ kind: 'keys' })

  const byId = (id: string): ApiKey => {
    const row = database.get('SELECT * FROM api_keys WHERE id = ?', id)
    if (row === undefined) throw new SwitchboardError('key_not_found', `no key has the id ${id}`)
    return toKey(row)
  }

  /** @throws SwitchboardError key_not_found. A revoked key has an id only: its name may be in use again. */
  const named = (idOrName: string): ApiKey => {
    const row = database.get(
      'SELECT * FROM api_keys WHERE id = ? OR (name = ? AND revoked_at IS NULL) ORDER BY id = ? DESC LIMIT 1',
      idOrName,
      idOrName,
      idOrName,
    )
    if (row === undefined)
      throw new SwitchboardError('key_not_found', `no live key is named ${JSON.stringify(idOrName.slice(0, 64))}`)
    return toKey(row)
  }

  const checkAssistant = (id: string | null): void => {
    if (id === null) return
    if (database.get('SELECT id FROM assistants WHERE id = ? AND deleted_at IS NULL', id) === undefined)
      throw new SwitchboardError('assistant_not_found', `assistant ${id} does not exist`, { param: 'assistantId' })
  }

  return {
    list: () => database.all('SELECT * FROM api_keys ORDER BY created_at DESC, id DESC').map(toKey),

    create(name, assistantId = null) {
      if (!isKeyName(name))
        throw new SwitchboardError('invalid_name', `${JSON.stringify(name)} cannot be the name of a key`, {
          param: 'name',
        })
      if (database.get('SELECT id FROM api_keys WHERE name = ? AND revoked_at IS NULL', name) !== undefined)
        throw new SwitchboardError('name_taken', `a key named ${name} exists already`, { param: 'name' })
      checkAssistant(assistantId)
      const secret = `sb-${randomBytes(32).toString('base64url')}`
      const id = newId()
      database.run(
        'INSERT INTO api_keys (id, name, hash, prefix, assistant_id, created_at) VALUES (?, ?, ?, ?, ?, ?)',
        id,
        name,
        hashOf(secret),
        secret.slice(0, 9),
        assistantId,
        now(),
      )
      announce()
      return { key: byId(id), secret }
    },

    bind(idOrName, assistantId) {
      const { id } = named(idOrName)
      checkAssistant(assistantId)
      database.run('UPDATE api_keys SET assistant_id = ? WHERE id = ?', assistantId, id)
      announce()
      return byId(id)
    },

    revoke(idOrName) {
      const { id } = named(idOrName)
      database.run('UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL', now(), id)
      announce()
      return byId(id)
    },

    find(secret) {
      if (!secretPattern.test(secret)) return null
      const hash = hashOf(secret)
      const row = database.get('SELECT * FROM api_keys WHERE hash = ? AND revoked_at IS NULL', hash)
      if (row === undefined || !(row['hash'] instanceof Uint8Array) || !timingSafeEqual(row['hash'], hash)) return null
      return toKey(row)
    },

    noteUse(id, at) {
      database.run('UPDATE api_keys SET last_used_at = ? WHERE id = ?', at, id)
    },

    revokedIds: () =>
      database.all('SELECT id FROM api_keys WHERE revoked_at IS NOT NULL').map((row) => String(row['id'])),
  }
}

function hashOf(secret: string): Uint8Array {
  return createHash('sha256').update(secret, 'utf8').digest()
}

function toKey(row: Row): ApiKey {
  return {
    id: String(row['id']),
    name: String(row['name']),
    prefix: String(row['prefix']),
    createdAt: Number(row['created_at']),
    lastUsedAt: row['last_used_at'] === null ? null : Number(row['last_used_at']),
    revokedAt: row['revoked_at'] === null ? null : Number(row['revoked_at']),
    assistantId: textOrNull(row['assistant_id']),
  }
}
