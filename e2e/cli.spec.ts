import { existsSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { command, hostEnvironment, startHost } from './support/host.ts'
import { builtCli, builtMain, newHome } from './support/places.ts'
import { Program, run } from './support/program.ts'

test('serve says when it is ready, once, and ends with 0 on SIGTERM and on SIGINT', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const host = await startHost()
    expect(host.program.stdout).toBe(`ready ${new URL(host.endpointUrl).origin}\n`)
    expect(host.program.stderr).toBe(`console ${host.consoleUrl}\n`)
    expect((await fetch(new URL('/health', host.endpointUrl))).status).toBe(200)
    const outcome = await host.program.stop(signal)
    expect(outcome).toMatchObject({ code: 0, signal: null })
    expect(existsSync(join(host.home, 'run.json'))).toBe(false)
  }
})

test('a second instance on the same home is refused and told where the first is; a dead one is no obstacle', async () => {
  const host = await startHost()
  const second = await run(process.execPath, [builtCli, 'serve', '--port', '0'], { env: hostEnvironment(host.home) })
  expect(second.code).not.toBe(0)
  expect(second.stdout + second.stderr).toContain(new URL(host.endpointUrl).origin)
  await host.program.stop('SIGKILL')
  const third = await startHost(host.home)
  expect((await third.program.stop()).code).toBe(0)
})

test('status says where the running one is reached, with the key of its console, and 1 where none runs', async () => {
  const home = newHome()
  expect((await command(home, ['status'])).code).toBe(1)
  const host = await startHost(home)
  expect(await command(home, ['status'])).toMatchObject({
    code: 0,
    stdout: `console ${host.consoleUrl}\nendpoint ${host.endpointUrl}\n`,
  })
  await host.program.stop('SIGKILL')
  expect(await command(home, ['status'])).toMatchObject({ code: 1, stdout: '' })
})

test('a taken port is named, with the way out', async () => {
  const blocker = createServer()
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve))
  const { port } = blocker.address() as AddressInfo
  const refused = await run(process.execPath, [builtCli, 'serve', '--port', String(port)], {
    env: hostEnvironment(newHome()),
  })
  blocker.close()
  expect(refused.code).not.toBe(0)
  expect(refused.stderr).toContain(String(port))
  expect(refused.stderr).not.toMatch(/\n {4}at /)
})

test('keys are created, listed without their secret, and revoked', async () => {
  const home = newHome()
  const created = await command(home, ['keys', 'create', 'till'])
  expect(created.code).toBe(0)
  const secret = /^sb-[\w-]{20,}$/m.exec(created.stdout)?.[0] ?? ''
  expect(secret).not.toBe('')
  const listed = await command(home, ['keys', 'list'])
  expect(listed.stdout).toContain('till')
  expect(listed.stdout).not.toContain(secret)

  const host = await startHost(home)
  const models = async (): Promise<number> =>
    (await fetch(`${host.endpointUrl}/models`, { headers: { authorization: `Bearer ${secret}` } })).status
  expect(await models()).toBe(200)
  expect((await command(home, ['keys', 'revoke', 'till'])).code).toBe(0)
  await expect.poll(models).toBe(401)
  await host.program.stop()
})

test('ask answers on stdout, beside a running host and without one', async () => {
  const home = newHome()
  const alone = await command(home, ['ask', 'How long do I have to return the shoes?'])
  expect(alone).toMatchObject({ code: 0 })
  expect(alone.stdout.trim().length).toBeGreaterThan(10)
  const host = await startHost(home)
  const beside = await command(home, ['ask', 'How long do I have to return the shoes?'])
  expect(beside).toMatchObject({ code: 0 })
  expect(beside.stdout.trim().length).toBeGreaterThan(10)
  await host.program.stop()
})

test('models and doctor speak to programs as well', async () => {
  const home = newHome()
  const models = await command(home, ['models', 'list'])
  expect(models.code).toBe(0)
  expect(models.stdout).toContain('demo')
  const doctor = await command(home, ['doctor', '--json'])
  const report = JSON.parse(doctor.stdout) as {
    readonly versions: { readonly node: string; readonly sqlite: string }
    readonly checks: readonly { readonly name: string; readonly ok: boolean }[]
  }
  expect(doctor.code).toBe(0)
  expect(report.versions.node).toMatch(/^v?24\./)
  // A machine without a card is a machine this runs on.
  expect(report.checks.filter(({ name, ok }) => !ok && !/gpu|cuda/.test(name))).toEqual([])
})

test('what it does not understand is said in one line, with help and without a stack', async () => {
  const home = newHome()
  for (const args of [['nonsense'], ['serve', '--port', 'seven'], ['keys', 'create'], ['keys', 'create', '../x']]) {
    const outcome = await command(home, args)
    expect(outcome.code, args.join(' ')).not.toBe(0)
    expect(outcome.stderr, args.join(' ')).not.toMatch(/\n {4}at /)
    expect(outcome.stderr.trim(), args.join(' ')).not.toBe('')
  }
  const help = await command(home, ['--help'])
  expect(help.code).toBe(0)
  for (const name of ['serve', 'ask', 'keys', 'models', 'doctor']) expect(help.stdout).toContain(name)
})

test('only the desktop host names Electron in what was built', async () => {
  const cli = readFileSync(builtCli, 'utf8')
  expect(cli).not.toMatch(/from ["']electron["']/)
  expect(readFileSync(builtMain, 'utf8')).toMatch(/from ["']electron["']/)
  const started = new Program(process.execPath, [builtCli, '--version'], hostEnvironment(newHome()))
  expect((await started.ended).code).toBe(0)
})
