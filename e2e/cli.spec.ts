import { existsSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { command, hostEnvironment, startHost } from './support/host.ts'
import { builtCli, builtMain, emptyHome, newHome } from './support/paths.ts'
import { Program, run } from './support/program.ts'

test('serve prints one line when it is ready, and exits with 0 on SIGTERM and on SIGINT', async () => {
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

test('a second instance on the same home is refused with the address of the first; a killed one is no obstacle', async () => {
  const host = await startHost()
  const second = await run(process.execPath, [builtCli, 'serve', '--port', '0'], { env: hostEnvironment(host.home) })
  expect(second.code).not.toBe(0)
  expect(second.stdout + second.stderr).toContain(new URL(host.endpointUrl).origin)
  await host.program.stop('SIGKILL')
  const third = await startHost(host.home)
  expect((await third.program.stop()).code).toBe(0)
})

test('status prints the addresses of the running instance with its console key, and exits with 1 where none runs', async () => {
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

test('a port in use is refused by its number, without a stack trace', async () => {
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

test('ask answers on stdout, on an empty home and beside a running host', async () => {
  const home = emptyHome()
  const alone = await command(home, ['ask', 'How long do I have to return the shoes?'])
  expect(alone).toMatchObject({ code: 0 })
  expect(alone.stdout.trim().length).toBeGreaterThan(10)
  const host = await startHost(home)
  const beside = await command(home, ['ask', 'How long do I have to return the shoes?'])
  expect(beside).toMatchObject({ code: 0 })
  expect(beside.stdout.trim().length).toBeGreaterThan(10)
  await host.program.stop()
})

test('models lists the demo model, and doctor reports as JSON', async () => {
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
  // A graphics card is not required.
  expect(report.checks.filter(({ name, ok }) => !ok && !/gpu|cuda/.test(name))).toEqual([])
})

test('invalid arguments are refused in one line without a stack trace, and help names every command', async () => {
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

test('in the build output only the desktop host imports Electron', async () => {
  const cli = readFileSync(builtCli, 'utf8')
  expect(cli).not.toMatch(/from ["']electron["']/)
  expect(readFileSync(builtMain, 'utf8')).toMatch(/from ["']electron["']/)
  const started = new Program(process.execPath, [builtCli, '--version'], hostEnvironment(newHome()))
  expect((await started.ended).code).toBe(0)
})
