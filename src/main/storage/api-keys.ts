import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { Emitter, type Listen } from '../../shared/base/emitter.ts'
import { isPlainName } from '../../shared/base/plain-name.ts'
import type { ApiKey } from '../../shared/domain/api-key.ts'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Database, Row } from './database.ts'
import { newId } from './new-id.ts'

/** `sb-` and 256 random bits, base64url. */
const secretPattern = /^sb-[0-9A-Za-z_-]{43}$/
const lastUsedEveryMs = 60_000

/** Keys of the endpoint. The secret itself is never stored: a SHA-256 of 256 random bits cannot be searched. */
export interface ApiKeyRepository {
  /** Newest first, revoked ones included. */
  list(): readonly ApiKey[]
  /** The secret is returned here and never again. @throws SwitchboardError invalid_name, name_taken. */
  create(name: string): { readonly key: ApiKey; readonly secret: string }
  /** Takes effect on the next request, in every process. @throws SwitchboardError key_not_found. */
  revoke(idOrName: string): ApiKey
  /**
   * The live key this secret belongs to, or null. Read from the file each time, since another process may have revoked
   * it.
   */
  authenticate(secret: string): ApiKey | null
  /** Says that a key was revoked, here or by another process (see {@link announceForeignRevocations}). */
  readonly onRevoked: Listen<{ readonly keyId: string }>
  /** Looks for keys another process revoked since the last look; cheap when the file did not change. */
  announceForeignRevocations(): void
}

export function createApiKeyRepository(database: Database, now: () => number): ApiKeyRepository {
  const byId = (id: string): ApiKey | undefined => {
    const row = database.get('SELECT * FROM api_keys WHERE id = ?', id)
    return row === undefined ? undefined : toKey(row)
  }
  const revocations = new Emitter<{ readonly keyId: string }>()
  const revokedIds = (): Set<string> =>
    new Set(database.all('SELECT id FROM api_keys WHERE revoked_at IS NOT NULL').map((row) => String(row['id'])))
  // Moves when another connection changed the file (https://sqlite.org/pragma.html#pragma_data_version).
  const fileVersion = (): number => Number(database.get('PRAGMA data_version')?.['data_version'])
  let announced = revokedIds()
  let seenVersion = fileVersion()
  /** When the last use of a key was written, or was to be. */
  const noted = new Map<string, number>()
  const announce = (): void => {
    const revoked = revokedIds()
    const fresh = [...revoked].filter((id) => !announced.has(id))
    announced = revoked
    for (const keyId of fresh) revocations.emit({ keyId })
  }
  return {
    onRevoked: revocations.on,

    announceForeignRevocations() {
      const version = fileVersion()
      if (version === seenVersion) return
      announce()
      // Only now: a look that failed is made again.
      seenVersion = version
    },

    list() {
      return database.all('SELECT * FROM api_keys ORDER BY created_at DESC, id DESC').map(toKey)
    },

    create(name) {
      if (!isPlainName(name))
        throw new SwitchboardError('invalid_name', `${JSON.stringify(name)} cannot be the name of a key`, {
          param: 'name',
        })
      return database.transaction(() => {
        if (database.get('SELECT id FROM api_keys WHERE name = ? AND revoked_at IS NULL', name) !== undefined) {
          throw new SwitchboardError('name_taken', `a key named ${name} exists already`, { param: 'name' })
        }
        const secret = `sb-${randomBytes(32).toString('base64url')}`
        const id = newId()
        database.run(
          'INSERT INTO api_keys (id, name, hash, prefix, created_at) VALUES (?, ?, ?, ?, ?)',
          id,
          name,
          hashOf(secret),
          secret.slice(0, 9),
          now(),
        )
        const key = byId(id)
        if (key === undefined) throw new SwitchboardError('storage_failed', 'the new key could not be read back')
        return { key, secret }
      })
    },

    revoke(idOrName) {
      const revoked = database.transaction(() => {
        const row = database.get(
          'SELECT id FROM api_keys WHERE id = ? OR (name = ? AND revoked_at IS NULL) ORDER BY id = ? DESC LIMIT 1',
          idOrName,
          idOrName,
          idOrName,
        )
        const id = row === undefined ? '' : String(row['id'])
        database.run('UPDATE api_keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL', now(), id)
        const key = byId(id)
        if (key === undefined)
          throw new SwitchboardError('key_not_found', `no live key is named ${JSON.stringify(idOrName.slice(0, 64))}`)
        return key
      })
      announce()
      return revoked
    },

    authenticate(secret) {
      if (!secretPattern.test(secret)) return null
      const hash = hashOf(secret)
      const row = database.get('SELECT * FROM api_keys WHERE hash = ?', hash)
      if (row === undefined || !(row['hash'] instanceof Uint8Array) || !timingSafeEqual(row['hash'], hash)) return null
      const key = toKey(row)
      if (key.revokedAt !== null) return null
      const at = now()
      const last = noted.get(key.id) ?? key.lastUsedAt
      if (last === null || at - last >= lastUsedEveryMs || at < last) {
        noted.set(key.id, at)
        // Only for people to look at: a disk that cannot take it is no reason to refuse a request.
        database.runIfPossible('UPDATE api_keys SET last_used_at = ? WHERE id = ?', at, key.id)
      }
      return key
    },
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
  }
}
