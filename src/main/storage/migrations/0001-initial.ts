import type { Migration } from '../migrate.ts'

/**
 * `seq` orders rows by insertion, whatever the clock does. It is also the rowid in the search index: a message has its
 * own seq there, a title the negative seq of its conversation.
 *
 * `parent_id` has no ON DELETE CASCADE: a cascade along a long thread exceeds SQLite's limit for nested triggers.
 */
export const initial: Migration = {
  name: '0001-initial',
  run: (database) =>
    database.script(`
    CREATE TABLE conversations (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      title TEXT NOT NULL,
      model TEXT NOT NULL,
      preset_id TEXT,
      system_prompt TEXT NOT NULL,
      parameters TEXT NOT NULL,
      active_leaf_id TEXT,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      touched INTEGER NOT NULL,
      deleted_at INTEGER
    ) STRICT;
    CREATE INDEX conversations_touched ON conversations (touched);

    CREATE TABLE messages (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      conversation_id TEXT NOT NULL REFERENCES conversations (id),
      parent_id TEXT REFERENCES messages (id) DEFERRABLE INITIALLY DEFERRED,
      role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
      content TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('complete', 'streaming', 'stopped', 'interrupted')),
      error TEXT,
      receipt TEXT,
      created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX messages_conversation ON messages (conversation_id, seq);
    CREATE INDEX messages_parent ON messages (parent_id);
    CREATE INDEX messages_streaming ON messages (state) WHERE state = 'streaming';

    CREATE VIRTUAL TABLE search_index USING fts5 (body, tokenize = "unicode61 remove_diacritics 2");
    INSERT INTO search_index (search_index, rank) VALUES ('secure-delete', 1);

    CREATE TABLE presets (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      system_prompt TEXT NOT NULL,
      parameters TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE settings (
      name TEXT PRIMARY KEY,
      value TEXT NOT NULL
    ) STRICT;

    CREATE TABLE api_keys (
      id TEXT PRIMARY KEY,
      name TEXT NOT NULL,
      hash BLOB NOT NULL UNIQUE,
      prefix TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      last_used_at INTEGER,
      revoked_at INTEGER
    ) STRICT;
    CREATE UNIQUE INDEX api_keys_live_name ON api_keys (name) WHERE revoked_at IS NULL;
  `),
}
