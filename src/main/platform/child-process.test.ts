import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { launchChildProcess, scrubbedEnvironment, type ChildExit } from './child-process.ts'
import { encodeFrame, FrameDecoder } from './frame-codec.ts'
import { processEntry } from './process-entry.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'switchboard-child-'))
})
afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
})

const launched = async (source: string) => {
  const entry = join(directory, `child-${Math.round(performance.now() * 1e6)}.ts`)
  await writeFile(entry, source)
  const child = launchChildProcess({ entry, name: 'test' })
  const messages: unknown[] = []
  child.onMessage((message) => messages.push(message))
  const exit = new Promise<ChildExit>((resolve) => {
    child.onExit(resolve)
  })
  return { child, messages, exit }
}

const channelModule = JSON.stringify(join(import.meta.dirname, 'parent-channel.ts'))
const echo = `
  import { connectToParent } from ${channelModule}
  const parent = connectToParent()
  parent.onMessage((message) => { parent.send(message); if (message === 'end') parent.exit(3) })
  parent.onClose(() => process.exit(0))
`

describe('a child process', () => {
  it('delivers messages complete and in order, and its exit code after the last one', async () => {
    const { child, messages, exit } = await launched(echo)
    const large = { text: 'é€😀\n'.repeat(200_000), list: [1.5, null, true] }
    child.send({ first: 1 })
    child.send(large)
    child.send('end')
    expect(await exit).toEqual({ code: 3, signal: null, garbage: null })
    expect(messages).toEqual([{ first: 1 }, large, 'end'])
    child.send('after the end')
  })

  it('is killed when it writes garbage, and nothing is thrown here', async () => {
    const { messages, exit } = await launched(`
      import { writeSync } from 'node:fs'
      writeSync(3, '{"good":1}\\n')
      writeSync(3, Buffer.from([0xff, 0x00, 0x80, 0x7b, 0x0a, 0xff]))
      setInterval(() => undefined, 1000)
    `)
    expect(await exit).toEqual({ code: null, signal: 'SIGKILL', garbage: 'a message is not JSON' })
    expect(messages).toEqual([{ good: 1 }])
  })

  it('reports the signal and its last output when it dies', async () => {
    const { child, exit } = await launched(`console.error('last words'); process.kill(process.pid, 'SIGKILL')`)
    expect(await exit).toMatchObject({ signal: 'SIGKILL', garbage: null })
    expect(child.stderrTail()).toContain('last words')
  })

  it('reports a missing entry file as an exit', async () => {
    const child = launchChildProcess({ entry: join(directory, 'absent.ts'), name: 'test' })
    const exit = await new Promise<ChildExit>((resolve) => {
      child.onExit(resolve)
    })
    expect(exit.code).toBe(1)
    expect(child.stderrTail()).toContain('absent.ts')
  })
})

describe('FrameDecoder', () => {
  it('joins messages cut anywhere, even within a character', () => {
    const bytes = Buffer.from(encodeFrame({ a: 'é€😀' }) + encodeFrame([1]))
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const decoder = new FrameDecoder()
      expect([bytes.subarray(0, cut), bytes.subarray(cut)].flatMap((part) => decoder.push(part).messages)).toEqual([
        { a: 'é€😀' },
        [1],
      ])
    }
  })

  it('refuses a line as soon as it exceeds the limit', () => {
    const decoder = new FrameDecoder(1000)
    expect(decoder.push(Buffer.alloc(600, 'x'))).toEqual({ messages: [], garbage: null })
    expect(decoder.push(Buffer.alloc(600, 'x'))).toEqual({ messages: [], garbage: 'a message exceeds 1000 bytes' })
  })

  it('returns the complete messages before garbage in the same read', () => {
    expect(new FrameDecoder().push(Buffer.from('{"good":1}\n{oops\n{"late":2}\n'))).toEqual({
      messages: [{ good: 1 }],
      garbage: 'a message is not JSON',
    })
  })
})

describe('the environment and entry of a child', () => {
  it('passes only allow-listed variables', () => {
    expect(
      scrubbedEnvironment({
        PATH: '/bin',
        OPENAI_API_KEY: 'x',
        AWS_SECRET_ACCESS_KEY: 'x',
        NODE_OPTIONS: '--inspect',
        LC_ALL: 'C',
        CUDA_VISIBLE_DEVICES: '1',
        HTTPS_PROXY: 'http://user:pass@host',
        UNSET: undefined,
      }),
    ).toEqual({ PATH: '/bin', LC_ALL: 'C', CUDA_VISIBLE_DEVICES: '1' })
  })

  it('uses the source file from source and the built file from the bundle', () => {
    expect(processEntry('engine')).toBe(join(import.meta.dirname, '../inference/process.ts'))
    const root = join(directory, 'out', 'main')
    expect(processEntry('tool', pathToFileURL(join(root, 'index.js')).href)).toBe(join(root, 'tool-process.js'))
    expect(processEntry('engine', pathToFileURL(join(root, 'chunks', 'backend-a1.js')).href)).toBe(
      join(root, 'engine-process.js'),
    )
  })
})
