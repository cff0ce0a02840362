import { expect, test } from 'vitest'
import { FrameBatch } from './frame-batch.ts'

function batchUnderTest() {
  const frames: (() => void)[] = []
  const applied: Record<string, string>[] = []
  const batch = new FrameBatch(
    (run) => frames.push(run),
    (texts) => applied.push(Object.fromEntries(texts)),
  )
  return { batch, applied, frames, runFrame: () => frames.shift()?.() }
}

test('however many deltas arrive, one frame is one update', () => {
  const { batch, applied, frames, runFrame } = batchUnderTest()
  for (const text of ['Hel', 'lo', ' you']) batch.add('a', text)
  batch.add('b', '你好')
  expect({ applied, frames: frames.length }).toEqual({ applied: [], frames: 1 })
  runFrame()
  expect(applied).toEqual([{ a: 'Hello you', b: '你好' }])
  batch.add('a', '!')
  runFrame()
  expect(applied).toEqual([{ a: 'Hello you', b: '你好' }, { a: '!' }])
})

test('flush hands over at once and the planned frame has nothing left to do', () => {
  const { batch, applied, runFrame } = batchUnderTest()
  batch.add('a', 'end')
  batch.flush()
  runFrame()
  batch.flush()
  expect(applied).toEqual([{ a: 'end' }])
})
