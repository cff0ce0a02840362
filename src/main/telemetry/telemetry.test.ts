import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Emitter } from '../../shared/base/emitter.ts'
import type { EngineState } from '../../shared/domain/engine.ts'
import type { ChildExit, ProcessLauncher } from '../platform/child-process.ts'
import { watchAppStatus } from './app-status.ts'
import { examine } from './doctor.ts'
import { residentBytes } from './resident-memory.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'telemetry-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** A process that writes this and ends. */
const printing =
  (output: string, exit: ChildExit): ProcessLauncher =>
  () => {
    const exits = new Emitter<ChildExit>()
    queueMicrotask(() => exits.emit(exit))
    return {
      pid: 1,
      send: () => undefined,
      onMessage: new Emitter<unknown>().on,
      onExit: exits.on,
      kill: () => undefined,
      stderrTail: () => output,
    }
  }
const clean: ChildExit = { code: 0, signal: null, garbage: null }
const report = (launch: ProcessLauncher) =>
  examine({
    version: '0.1.0',
    host: 'headless',
    home: folder,
    sqlite: '3.53.4',
    launch,
    engineEntry: 'engine.js',
    systemRoot: folder,
  })

describe('the doctor', () => {
  it('tells cards, drivers, providers and why', async () => {
    const card = join(folder, 'proc/driver/nvidia/gpus/0000:01:00.0')
    mkdirSync(card, { recursive: true })
    writeFileSync(join(card, 'information'), 'Model: \t\t NVIDIA RTX 4090\nIRQ:   \t\t 45\n')
    writeFileSync(
      join(folder, 'proc/driver/nvidia/version'),
      'NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu\nGCC version: 12\n',
    )
    const libraries = join(folder, 'usr/lib/x86_64-linux-gnu')
    mkdirSync(libraries, { recursive: true })
    for (const name of ['libnvidia-ml.so.1', 'libcuda.so.1', 'libcudart.so.12'])
      writeFileSync(join(libraries, name), '')
    const probe = {
      runtimeVersion: '1.30.0',
      libraryPath: '/x',
      providers: [
        { provider: 'cuda', usable: false, reason: 'No cuDNN.' },
        { provider: 'cpu', usable: true },
      ],
    }
    const found = await report(printing(`warning: noise\n${JSON.stringify(probe)}\n`, clean))
    expect(found).toMatchObject({
      version: '0.1.0',
      versions: { sqlite: '3.53.4', onnxruntime: '1.30.0' },
      gpus: [{ name: 'NVIDIA RTX 4090', memoryBytes: null, driver: '570.86.15' }],
      providers: [
        { provider: 'cuda', usable: false, reason: 'No cuDNN.' },
        { provider: 'cpu', usable: true, reason: 'Works.' },
      ],
      disk: { home: folder },
    })
    expect(found.checks.find(({ name }) => name === 'provider')).toEqual({
      name: 'provider',
      ok: true,
      message: 'Usable: cpu.',
    })
    if (process.platform === 'linux')
      expect(found.checks.find(({ name }) => name === 'cuda libraries')).toEqual({
        name: 'cuda libraries',
        ok: false,
        message: 'Not found: cuDNN, cuBLAS. Needed only for CUDA.',
      })
  })

  it.each([
    [
      'dies',
      printing('Illegal instruction', { code: null, signal: 'SIGILL', garbage: null }),
      'ended with SIGILL. Illegal instruction',
    ],
    ['says nothing of use', printing('{"runtimeVersion":3}', clean), 'ended with code 0.'],
  ])('goes on when the engine process %s', async (_what, launch, message) => {
    const found = await report(launch)
    expect(found.gpus).toEqual([])
    expect(found.providers.map(({ usable }) => usable)).toEqual([false, false, false])
    expect(found.checks.find(({ name }) => name === 'runtime')).toMatchObject({
      ok: false,
      message: expect.stringContaining(message) as string,
    })
  })
})

describe('the status', () => {
  it('comes at once, then when something changed, and ends with its reader', async () => {
    const changes = new Emitter<unknown>()
    let engine: EngineState = { kind: 'starting', model: 'demo' }
    const abort = new AbortController()
    const status = watchAppStatus(
      {
        models: () => ({
          defaultModel: 'demo',
          missingDefaultModel: null,
          models: [{ model: 'demo', version: 1, key: 'demo c0ffee', state: engine, since: 7 }],
        }),
        onEngineChange: changes.on,
        endpointUrl: () => 'http://127.0.0.1:1/v1',
        requests: () => ({ total: 2, active: 1 }),
      },
      abort.signal,
    )[Symbol.asyncIterator]()
    const first = await status.next()
    expect(first.value).toMatchObject({
      models: [{ model: 'demo', state: { kind: 'starting' }, since: 7, memoryBytes: 0 }],
      endpointUrl: 'http://127.0.0.1:1/v1',
      requests: { total: 2, active: 1 },
    })
    const second = status.next()
    engine = { kind: 'loading', model: 'demo' }
    changes.emit(null)
    expect((await second).value).toMatchObject({ models: [{ state: { kind: 'loading' } }] })
    const last = status.next()
    abort.abort()
    // Whatever was on its way may still come; then it ends.
    const ended = (await last).done === true || (await status.next()).done === true
    expect([ended, changes.listenerCount]).toEqual([true, 0])
  })
})

describe('resident memory', () => {
  it('is known of this process and of none that is gone', () => {
    expect(residentBytes(process.pid)).toBeGreaterThan(10_000_000)
    if (process.platform === 'linux') expect(residentBytes(process.ppid)).toBeGreaterThan(0)
    expect(residentBytes(2 ** 30)).toBeNull()
  })
})
