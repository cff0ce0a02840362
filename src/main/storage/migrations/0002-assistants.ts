import { callName } from '../../../shared/domain/assistant.ts'
import type { Database, Row } from '../database.ts'
import type { Migration } from '../migrate.ts'

/**
 * Presets become assistants of the same id, name, prompt and parameters, each with an unpublished first version. A
 * conversation that used a preset unchanged now refers to the assistant; a conversation with a prompt or parameters of
 * its own keeps them.
 */
export const assistants: Migration = {
  name: '0002-assistants',
  run(database, { now }) {
    database.script(`
      CREATE TABLE assistants (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        call_name TEXT NOT NULL,
        built_in INTEGER NOT NULL,
        published_version INTEGER,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        deleted_at INTEGER
      ) STRICT;
      CREATE UNIQUE INDEX assistants_live_call_name ON assistants (call_name) WHERE deleted_at IS NULL;

      CREATE TABLE assistant_versions (
        assistant_id TEXT NOT NULL REFERENCES assistants (id),
        version INTEGER NOT NULL,
        model TEXT,
        system_prompt TEXT NOT NULL,
        parameters TEXT NOT NULL,
        published INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        PRIMARY KEY (assistant_id, version)
      ) STRICT, WITHOUT ROWID;

      ALTER TABLE api_keys ADD COLUMN assistant_id TEXT;
      ALTER TABLE conversations ADD COLUMN assistant_id TEXT;
      ALTER TABLE conversations ADD COLUMN own_model TEXT;
      UPDATE settings SET name = 'defaultAssistantId' WHERE name = 'defaultPresetId';
    `)
    const presets = database.all('SELECT * FROM presets ORDER BY created_at, id')
    insertAssistants(database, presets, now)
    bindConversations(database, [builtInPreset, ...presets])
    // The columns are replaced one by one: rebuilding the table would break the references of messages to it.
    database.script(`
      ALTER TABLE conversations DROP COLUMN model;
      ALTER TABLE conversations DROP COLUMN preset_id;
      ALTER TABLE conversations RENAME COLUMN own_model TO model;
      DROP TABLE presets;
    `)
  },
}

/** The preset that came with the program until this migration; it was never a row. */
const builtInPreset: Row = {
  id: 'web-shop',
  system_prompt:
    "You are the support assistant of Lumen & Oak, an online shop. Items can be returned within 30 days. Delivery takes 2-4 working days. The warranty is 24 months. Opening hours: Monday to Friday 9:00-18:00. Answer briefly in the customer's language. Never invent facts; hand over to a colleague when you cannot help.",
  parameters: '{"temperature":0.3,"topP":0.9,"maxTokens":128}',
}

const DEFAULT_MODEL = 'demo'

function insertAssistants(database: Database, presets: readonly Row[], now: number): void {
  const taken = new Set<string>()
  for (const preset of presets) {
    const name = freeName(String(preset['name']), taken)
    taken.add(callName(name))
    database.run(
      'INSERT INTO assistants (id, name, call_name, built_in, created_at, updated_at) VALUES (?, ?, ?, 0, ?, ?)',
      preset['id'] as string,
      name,
      callName(name),
      preset['created_at'] as number,
      now,
    )
    database.run(
      'INSERT INTO assistant_versions VALUES (?, 1, NULL, ?, ?, 0, ?, ?)',
      preset['id'] as string,
      preset['system_prompt'] as string,
      preset['parameters'] as string,
      preset['created_at'] as number,
      now,
    )
  }
}

/** The name itself, or with the first number from 2 that makes its call name unique. A blank name becomes a word. */
function freeName(wanted: string, taken: ReadonlySet<string>): string {
  const base = wanted.trim() === '' ? 'Assistant' : wanted
  for (let number = 1; ; number += 1) {
    const suffix = number === 1 ? '' : ` ${number}`
    const name = `${base.slice(0, 80 - suffix.length)}${suffix}`.toWellFormed()
    if (!taken.has(callName(name))) return name
  }
}

function bindConversations(database: Database, presets: readonly Row[]): void {
  const defaultModel = storedDefaultModel(database)
  const byId = new Map(presets.map((preset) => [preset['id'], preset]))
  database.script('UPDATE conversations SET own_model = model')
  for (const row of database.all('SELECT * FROM conversations WHERE preset_id IS NOT NULL')) {
    const preset = byId.get(row['preset_id'] ?? null)
    const unchanged =
      preset !== undefined &&
      preset['system_prompt'] === row['system_prompt'] &&
      canonical(preset['parameters']) === canonical(row['parameters'])
    if (!unchanged) continue
    database.run(
      'UPDATE conversations SET assistant_id = ?, own_model = ? WHERE id = ?',
      row['preset_id'] as string,
      row['model'] === defaultModel ? null : (row['model'] as string),
      row['id'] as string,
    )
  }
}

function storedDefaultModel(database: Database): unknown {
  const stored = database.get("SELECT value FROM settings WHERE name = 'defaultModel'")?.['value']
  try {
    return stored === undefined ? DEFAULT_MODEL : JSON.parse(String(stored))
  } catch {
    // Half a row: the default applies, as everywhere.
    return DEFAULT_MODEL
  }
}

/** Parameters as text that does not depend on the order of their names. */
function canonical(parameters: Row[string] | undefined): string {
  const entries = Object.entries(JSON.parse(String(parameters)) as Record<string, unknown>)
  return JSON.stringify(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}
