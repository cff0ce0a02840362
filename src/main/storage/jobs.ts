import type { Job, JobInput, JobState } from '../../shared/domain/job.ts'
import { type SerialisedError, SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import type { Row } from './database.ts'
import { newId } from './new-id.ts'
import type { JobRepository } from './repositories.ts'
import type { Store, StoreContext } from './store.ts'

export function createJobStore({ database, now, changed }: StoreContext): Store<JobRepository> {
  const announce = (): void => changed({ kind: 'jobs' })

  const get = (id: string): Job => {
    const row = database.get('SELECT * FROM jobs WHERE id = ?', id)
    if (row === undefined) throw new SwitchboardError('job_not_found', `job ${id} does not exist`)
    return toJob(row)
  }

  /** @throws SwitchboardError job_not_found, invalid_request while it runs. */
  const ended = (id: string): void => {
    if (get(id).state.kind === 'running') throw new SwitchboardError('invalid_request', `job ${id} is running`)
  }

  return {
    list: () => database.all('SELECT * FROM jobs WHERE dismissed = 0 ORDER BY seq DESC').map(toJob),

    get,

    start(input, owner) {
      const id = newId()
      database.run(
        `INSERT INTO jobs (id, input, state, fraction, step, owner, heartbeat_at, cancel_requested, dismissed,
           created_at, updated_at) VALUES (?, ?, 'running', 0, '', ?, ?, 0, 0, ?, ?)`,
        id,
        JSON.stringify(input),
        owner,
        now(),
        now(),
        now(),
      )
      announce()
      return get(id)
    },

    restart(id, owner) {
      ended(id)
      database.run(
        `UPDATE jobs SET state = 'running', fraction = 0, step = '', error = NULL, owner = ?, heartbeat_at = ?,
           cancel_requested = 0, dismissed = 0, created_at = ?, updated_at = ? WHERE id = ?`,
        owner,
        now(),
        now(),
        now(),
        id,
      )
      announce()
      return get(id)
    },

    progress(id, fraction, step) {
      const running = database.run(
        "UPDATE jobs SET fraction = ?, step = ?, heartbeat_at = ?, updated_at = ? WHERE id = ? AND state = 'running'",
        fraction,
        step,
        now(),
        now(),
        id,
      )
      const { cancelling } = get(id)
      if (running === 0) return { cancelling: true }
      announce()
      return { cancelling }
    },

    end(id, state) {
      get(id)
      const { fraction, step } = state.kind === 'interrupted' ? state : { fraction: null, step: null }
      database.run(
        `UPDATE jobs SET state = ?, error = ?, fraction = coalesce(?, fraction), step = coalesce(?, step),
           cancel_requested = 0, updated_at = ? WHERE id = ?`,
        state.kind,
        state.kind === 'failed' ? JSON.stringify(state.error) : null,
        fraction,
        step,
        now(),
        id,
      )
      announce()
      return get(id)
    },

    requestCancel(id) {
      get(id)
      if (database.run("UPDATE jobs SET cancel_requested = 1 WHERE id = ? AND state = 'running'", id) > 0) announce()
    },

    dismiss(id) {
      ended(id)
      database.run('UPDATE jobs SET dismissed = 1 WHERE id = ?', id)
      announce()
    },

    interruptAbandoned(silenceMs) {
      // A clock that was set back leaves heartbeats in the future; those are as silent.
      const rows = database.all(
        `UPDATE jobs SET state = 'interrupted', cancel_requested = 0, updated_at = ?
         WHERE state = 'running' AND abs(? - heartbeat_at) >= ? RETURNING *`,
        now(),
        now(),
        silenceMs,
      )
      if (rows.length > 0) announce()
      return rows.map(toJob)
    },
  }
}

function toJob(row: Row): Job {
  return {
    id: String(row['id']),
    input: JSON.parse(String(row['input'])) as JobInput,
    state: toState(row),
    cancelling: row['cancel_requested'] === 1,
    createdAt: Number(row['created_at']),
    updatedAt: Number(row['updated_at']),
  }
}

function toState(row: Row): JobState {
  const kind = row['state'] as JobState['kind']
  switch (kind) {
    case 'running':
    case 'interrupted':
      return { kind, fraction: Number(row['fraction']), step: String(row['step']) }
    case 'failed':
      return { kind, error: JSON.parse(String(row['error'])) as SerialisedError }
    default:
      return { kind }
  }
}
