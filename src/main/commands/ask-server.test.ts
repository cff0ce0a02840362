import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { askServer } from './ask-server.ts'

test('a refusal of the running instance is told like our own: the next step once', async () => {
  const body = JSON.stringify({
    error: {
      message: 'There is no model named "x". List the models with GET /v1/models.',
      type: 'not_found_error',
      param: 'model',
      code: 'model_not_found',
    },
  })
  const instance = createServer((_request, response) =>
    response.writeHead(404, { 'content-type': 'application/json' }).end(body),
  )
  await new Promise<void>((resolve) => instance.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(instance.address() as AddressInfo).port}`
  try {
    const question = { model: 'x', messages: [{ role: 'user', content: 'hello' }], parameters: {} } as const
    await expect(
      askServer(question, { url, secret: 'secret', write: () => undefined, signal: new AbortController().signal }),
    ).rejects.toMatchObject({ code: 'model_not_found', message: 'There is no model named "x".' })
  } finally {
    await new Promise((resolve) => instance.close(resolve))
  }
})
