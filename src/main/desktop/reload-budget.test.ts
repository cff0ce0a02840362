import { expect, test } from 'vitest'
import { afterCrash } from './reload-budget.ts'

test('a page is loaded again three times a minute, then left alone until the minute is over', () => {
  const answers: boolean[] = []
  let times: readonly number[] = []
  for (const now of [0, 1000, 2000, 3000, 4000, 61_500, 70_000]) {
    const answer = afterCrash(times, now)
    answers.push(answer.reload)
    times = answer.times
  }
  expect(answers).toEqual([true, true, true, false, false, false, true])
})
