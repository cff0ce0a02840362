import type { Job } from '../../shared/domain/job.ts'
import { openStores } from '../backend.ts'
import { launchChildProcess } from '../platform/child-process.ts'
import type { CommandOf } from './arguments.ts'
import type { CommandContext } from './context.ts'
import { json as asJson, table, when } from './terminal.ts'

/** `jobs …`: the jobs of all processes of this home. */
export async function manageJobs(
  command: CommandOf<'jobs list' | 'jobs cancel' | 'jobs dismiss'>,
  { home, files, terminal, json }: CommandContext,
): Promise<void> {
  const stores = await openStores({ home, files, launch: launchChildProcess }, false)
  const { jobs } = stores
  try {
    switch (command.kind) {
      case 'jobs list': {
        const all = await jobs.list()
        terminal.out(json ? asJson(all) : jobTable(all))
        return
      }
      case 'jobs cancel':
        await jobs.cancel(command.id)
        terminal.out(json ? asJson({ cancelling: command.id }) : `asked ${command.id} to stop\n`)
        return
      case 'jobs dismiss':
        await jobs.dismiss(command.id)
        terminal.out(json ? asJson({ dismissed: command.id }) : `dismissed ${command.id}\n`)
    }
  } finally {
    await stores.dispose()
  }
}

function jobTable(all: readonly Job[]): string {
  return table(
    ['ID', 'JOB', 'MODEL', 'STATE', 'STARTED'],
    all.map(({ id, input, state, createdAt }) => [
      id,
      input.kind,
      input.model,
      state.kind === 'running' || state.kind === 'interrupted'
        ? `${state.kind} ${Math.floor(state.fraction * 100)} %`
        : state.kind,
      when(createdAt),
    ]),
  )
}
