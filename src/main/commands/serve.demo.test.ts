/** The command line from source, with the demo model and a real engine process. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const cli = fileURLToPath(new URL('../cli.ts', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}
interface Running {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  printed(pattern: RegExp): Promise<RegExpExecArray>
}

function start(args: readonly string[], home: string): Running {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', cli, ...args], {
    env: { ...process.env, SWITCHBOARD_HOME: home, SWITCHBOARD_PORT: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  const watchers = new Set<() => void>()
  const grow = (): void => {
    for (const watcher of watchers) watcher()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
    grow()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
    grow()
  })
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code) => {
      resolve({ code, out, err })
      grow()
    }),
  )
  const printed = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(out)
        if (match === null && child.exitCode === null && child.signalCode === null) return
        watchers.delete(look)
        if (match === null) reject(new Error(`ended without ${pattern}: ${err}`))
        else resolve(match)
      }
      watchers.add(look)
      look()
    })
  return { child, ended, printed }
}
const run = (args: readonly string[], at = home): Promise<Ended> => start(args, at).ended

let home: string
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'serve-'))
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && existsSync(`/proc/${name}/stat`))
    .filter(
      (name) => / \S (\d+)/.exec(readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\)/, ')'))?.[1] === String(pid),
    )
    .map(Number)
}

describe.skipIf(process.platform !== 'linux')('the program with its demo model', () => {
  it('answers alone, through a running instance, and leaves nothing behind', async () => {
    const alone = await run(['ask', 'hello', '--max-tokens', '12', '--seed', '1'])
    expect(alone).toMatchObject({ code: 0, err: '' })
    expect(alone.out).toMatch(/^\S.*\n$/)

    const server = start(['serve', '--port', '0'], home)
    const url = (await server.printed(/^ready (http:\/\/127\.0\.0\.1:\d+)\n$/))[1] ?? ''
    for (const file of ['run.json', 'console-key', 'switchboard.db'])
      expect(statSync(join(home, file)).mode & 0o777).toBe(0o600)

    // The same question and seed give the same answer whichever way it is asked.
    expect((await run(['ask', 'hello', '--max-tokens', '12', '--seed', '1'])).out).toBe(alone.out)

    const created = await run(['keys', 'create', 'till'])
    expect(created.out).toMatch(/^sb-[\w-]{43}\n$/)
    const ask = (): Promise<Response> =>
      fetch(`${url}/v1/models`, { headers: { authorization: `Bearer ${created.out.trim()}` } })
    expect((await ask()).status).toBe(200)
    expect((await run(['keys', 'revoke', 'till'])).code).toBe(0)
    expect((await ask()).status).toBe(401)

    expect(await run(['serve', '--port', '0'])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(
        `already_running: Switchboard is already running with this home folder, as process ${server.child.pid} at ${url}`,
      ) as string,
    })

    const engines = childrenOf(server.child.pid ?? 0)
    expect(engines).toHaveLength(1)
    server.child.kill('SIGTERM')
    const ended = await server.ended
    expect(ended).toMatchObject({
      code: 0,
      out: `ready ${url}\n`,
      err: expect.stringContaining(`console ${url}/console/#key=`) as string,
    })
    expect(engines.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([])
    expect(readdirSync(home).filter((name) => name.endsWith('-wal') || name === 'run.json')).toEqual([])
  }, 180_000)

  it('says which port is free when its own is taken', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    expect(await run(['serve', '--port', String(port)])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(new RegExp(`^port_in_use: Port ${port} .*; port \\d+ is free\\.\\n`)) as string,
    })
    await new Promise((resolve) => taken.close(resolve))
  }, 120_000)

  it('can be interrupted while it answers', async () => {
    const asking = start(['ask', 'hello, where is my order 12345 and when does it come?', '--max-tokens', '500'], home)
    await asking.printed(/\S/)
    asking.child.kill('SIGINT')
    const { code } = await asking.ended
    // A short answer may have ended in the meantime.
    expect([0, 130]).toContain(code)
  }, 120_000)

  it('lists, examines and refuses in plain words and in JSON', async () => {
    expect(JSON.parse((await run(['models', 'list', '--json'])).out)).toMatchObject([
      { name: 'demo', demo: true, precision: 'fp32' },
    ])
    expect(JSON.parse((await run(['doctor', '--json'])).out)).toMatchObject({
      host: 'headless',
      providers: expect.arrayContaining([{ provider: 'cpu', usable: true, reason: 'Works.' }]) as unknown,
    })
    expect(await run(['models', 'remove', 'demo'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^model_read_only: .*\n.*\n$/) as string,
    })
    expect(await run(['ask', 'x', '--model', 'nope'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^model_not_found: /) as string,
    })
    expect(await run(['fly'])).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/^invalid_arguments: /) as string,
    })
  }, 180_000)
})
