import type { Migration } from '../migrate.ts'

/** `seq` orders jobs by their start. `heartbeat_at` tells whether the owner of a running job still lives. */
export const catalogAndJobs: Migration = {
  name: '0003-catalog-and-jobs',
  run: (database) =>
    database.script(`
    CREATE TABLE models (
      name TEXT PRIMARY KEY,
      active_version INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE model_versions (
      model TEXT NOT NULL REFERENCES models (name),
      version INTEGER NOT NULL,
      precision TEXT NOT NULL,
      content_hash TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      PRIMARY KEY (model, version),
      UNIQUE (model, content_hash)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE jobs (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      input TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('running', 'done', 'cancelled', 'failed', 'interrupted')),
      fraction REAL NOT NULL,
      step TEXT NOT NULL,
      error TEXT,
      owner TEXT NOT NULL,
      heartbeat_at INTEGER NOT NULL,
      cancel_requested INTEGER NOT NULL,
      dismissed INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX jobs_running ON jobs (heartbeat_at) WHERE state = 'running';
  `),
}
