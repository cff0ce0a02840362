/** A peer in its own process with its own threads and memory; idle between requests. */
import { fork } from 'node:child_process'
import { join } from 'node:path'
import type { TokenTimes } from './token-times.ts'

/** Greedy replies of `tokens` tokens to all prompts at once. */
export interface PeerJob {
  readonly prompts: readonly (readonly number[])[]
  readonly tokens: number
}

export type PeerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly replies: readonly TokenTimes[] }
  | { readonly kind: 'failed'; readonly reason: string }

export interface Peer {
  reply(prompts: readonly (readonly number[])[], tokens: number): Promise<readonly TokenTimes[]>
  stop(): void
}

/** Starts `script` beside this file with one line of JSON as its argument, and waits until it has loaded. */
export async function startPeer(script: string, options: unknown): Promise<Peer> {
  const child = fork(join(import.meta.dirname, script), [JSON.stringify(options)], { serialization: 'advanced' })
  const next = (): Promise<PeerMessage> =>
    new Promise((resolve, reject) => {
      const onExit = (code: number | null): void => reject(new Error(`${script} ended with ${String(code)}`))
      child.once('exit', onExit)
      child.once('message', (message) => {
        child.off('exit', onExit)
        resolve(message as PeerMessage)
      })
    })
  const first = await next()
  if (first.kind !== 'ready') throw new Error(`${script}: ${first.kind === 'failed' ? first.reason : first.kind}`)
  return {
    async reply(prompts, tokens) {
      const answer = next()
      child.send({ prompts, tokens } satisfies PeerJob)
      const message = await answer
      if (message.kind !== 'done')
        throw new Error(`${script}: ${message.kind === 'failed' ? message.reason : message.kind}`)
      return message.replies
    },
    stop: () => void child.kill(),
  }
}

/** The child's side: reports ready, then handles one job after the other. */
export function servePeer(work: (job: PeerJob) => Promise<readonly TokenTimes[]>): void {
  const send = (message: PeerMessage): void => void process.send?.(message)
  process.on('message', (job: PeerJob) => {
    work(job).then(
      (replies) => send({ kind: 'done', replies }),
      (failure: unknown) => send({ kind: 'failed', reason: String(failure) }),
    )
  })
  process.on('disconnect', () => process.exit(0))
  send({ kind: 'ready' })
}
