import { expect, test } from 'vitest'
import { repeatedTask } from './repeated-task.ts'

test('a failure that stays is told once, and none of them gets out', async () => {
  const outcomes = ['full', 'full', 'locked', 'locked', null, 'locked']
  const told: string[] = []
  const task = repeatedTask(
    () => {
      const outcome = outcomes.shift()
      if (outcome != null) throw new Error(outcome)
    },
    (failure) => told.push(String(failure)),
  )
  while (outcomes.length > 0) await task()
  expect(told).toEqual(['Error: full', 'Error: locked', 'Error: locked'])
})
