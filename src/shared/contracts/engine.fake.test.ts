import { describe, expect, it } from 'vitest'
import { greedy } from './engine.fixture.ts'
import { SwitchboardError } from '../errors/switchboard-error.ts'
import type { GenerateRequest, GenerationEvent } from './engine.ts'
import { FakeEngine } from './engine.fake.ts'

const request = (changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  requestId: 'r',
  promptIds: [1, 2, 3],
  maxTokens: 10,
  stopIds: [],
  logprobs: null,
  promptLogprobs: null,
  cacheScope: null,
  client: 'a',
  priority: 'batch',
  sampling: greedy,
  ...changes,
})
const read = async (stream: AsyncIterable<GenerationEvent>): Promise<string[]> => {
  const seen: string[] = []
  for await (const event of stream)
    seen.push(
      event.kind === 'done'
        ? `done ${event.finishReason} ${event.completionTokens}`
        : `${event.kind} ${event.tokens.map(({ id }) => id).join(' ')}`,
    )
  return seen
}
const never = new AbortController().signal

describe('FakeEngine', () => {
  it('ends like the real engine: at a stop id, at the limit, at the end of its script', async () => {
    const engine = new FakeEngine({ reply: () => ({ tokens: [5, 6, 7], batch: 2 }) })
    expect(await read(engine.generate(request(), never))).toEqual(['tokens 5 6', 'tokens 7', 'done stop 4'])
    expect(await read(engine.generate(request({ maxTokens: 2 }), never))).toEqual(['tokens 5 6', 'done length 2'])
    expect(await read(engine.generate(request({ stopIds: [6] }), never))).toEqual(['tokens 5', 'done stop 2'])
    expect(await read(engine.generate(request({ maxTokens: 0, promptLogprobs: 1 }), never))).toEqual([
      'prompt 2 3',
      'done length 0',
    ])
  })

  it('is cancelled by abort, also while held, and by leaving', async () => {
    const engine = new FakeEngine()
    const abort = new AbortController()
    engine.hold()
    const held = read(engine.generate(request(), abort.signal))
    await Promise.resolve()
    abort.abort()
    expect(await held).toEqual(['done cancelled 0'])
    engine.release()
    for await (const _ of engine.generate(request({ requestId: 'left' }), never)) break
    expect([engine.cancelled, engine.running]).toEqual([['r', 'left'], 0])
  })

  it('fails where the script says', async () => {
    const engine = new FakeEngine({
      reply: () => ({
        tokens: [1, 2, 3],
        failure: { afterTokens: 1, error: new SwitchboardError('engine_crashed', 'gone') },
      }),
    })
    const stream = engine.generate(request(), never)[Symbol.asyncIterator]()
    expect(await stream.next()).toMatchObject({ value: { kind: 'tokens' } })
    await expect(stream.next()).rejects.toMatchObject({ code: 'engine_crashed' })
    await expect(
      read(engine.generate(request({ promptIds: Array.from({ length: 3000 }, () => 1) }), never)),
    ).rejects.toMatchObject({ code: 'context_length_exceeded' })
  })
})
