import { FakeConsole } from '../../../shared/contracts/console.fake.ts'
import type { Job } from '../../../shared/domain/job.ts'
import { replyTo, type ConsoleSubject } from './console-subject.ts'

/** The console that the preview page and the tests of the window use. */
export async function openFakeConsole(): Promise<ConsoleSubject> {
  const console = new FakeConsole({ conversations: [], jobs: [], reply: replyTo })
  let jobs: readonly Job[] = []
  return {
    console,
    failNextReply(afterDeltas, error) {
      console.failure = { afterDeltas, error }
    },
    async startJob() {
      const at = jobs.length
      const job: Job = {
        id: `job-${at}`,
        input: { kind: 'import', directory: '/models/tea', model: `tea-${at}`, precision: 'fp32' },
        state: { kind: 'running', fraction: 0, step: '' },
        cancelling: false,
        createdAt: at,
        updatedAt: at,
      }
      jobs = [job, ...jobs]
      console.setJobs(jobs)
      return job.id
    },
    dispose: async () => undefined,
  }
}
