import { expect, test } from 'vitest'
import { SwitchboardError } from '../../shared/errors/switchboard-error.ts'
import { toHttpAnswer } from './errors.ts'

const messageOf = (error: SwitchboardError): string =>
  (JSON.parse(toHttpAnswer(error).body) as { error: { message: string } }).error.message

test('what is wrong and the next step are two sentences, however the clause was written', () => {
  expect(messageOf(new SwitchboardError('model_not_found', 'there is no model named "x"'))).toBe(
    'There is no model named "x". List the models with GET /v1/models.',
  )
  expect(messageOf(new SwitchboardError('not_found', 'There is nothing at this path.'))).toBe(
    'There is nothing at this path. Check the path.',
  )
})
