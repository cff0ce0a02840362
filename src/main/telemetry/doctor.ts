import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { arch, cpus, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import type { DoctorReport } from '../../shared/domain/status.ts'
import type { ProcessLauncher } from '../platform/child-process.ts'

export interface DoctorOptions {
  readonly version: string
  readonly host: 'electron' | 'headless'
  readonly home: string
  /** Version of SQLite, from the storage. */
  readonly sqlite: string
  readonly launch: ProcessLauncher
  /** Script of the engine process, which is asked what each provider can do. */
  readonly engineEntry: string
  /** Where the system keeps its files; another folder in tests. */
  readonly systemRoot?: string
}

/** GPU drivers may take their time; the whole report stays below ten seconds. */
const probeMs = 8000
/** The demo model, its graph and room for conversations. */
const leastFreeBytes = 1024 ** 3

const probeSchema = z.object({
  runtimeVersion: z.string(),
  providers: z.array(
    z.object({ provider: z.enum(['cuda', 'webgpu', 'cpu']), usable: z.boolean(), reason: z.string().optional() }),
  ),
})

/** Looks at this machine without the network and says in plain words what can be used and why not. */
export async function examine(options: DoctorOptions): Promise<DoctorReport> {
  const system = options.systemRoot ?? '/'
  const [probe, disk] = await Promise.all([probeProviders(options), statfs(options.home)])
  const freeBytes = disk.bavail * disk.bsize
  const gpus = findGpus(system)
  const processors = cpus()
  const missingLibraries = findMissingLibraries(system)
  return {
    version: options.version,
    host: options.host,
    versions: {
      node: process.versions.node,
      sqlite: options.sqlite,
      onnxruntime: probe.runtimeVersion,
      electron: process.versions['electron'] ?? null,
    },
    platform: {
      os: `${type()} ${release()}`,
      arch: arch(),
      cpu: processors[0]?.model.trim() ?? 'unknown',
      cores: processors.length,
      memoryBytes: totalmem(),
    },
    gpus,
    providers: probe.providers,
    disk: { home: options.home, freeBytes },
    missingLibraries,
    checks: [
      {
        name: 'runtime',
        ok: probe.failure === null,
        message: probe.failure ?? `ONNX Runtime ${probe.runtimeVersion} starts.`,
      },
      { name: 'provider', ok: probe.providers.some(({ usable }) => usable), message: providerMessage(probe.providers) },
      {
        name: 'gpu',
        ok: gpus.length > 0,
        message:
          gpus.length > 0
            ? gpus.map(({ name, driver }) => `${name}${driver === null ? '' : `, driver ${driver}`}`).join('; ')
            : 'No NVIDIA card with a loaded driver was found; the model runs without it.',
      },
      {
        name: 'cuda libraries',
        ok: (missingLibraries ?? []).length === 0,
        message: librariesMessage(missingLibraries),
      },
      {
        name: 'disk',
        ok: freeBytes >= leastFreeBytes,
        message: `${(freeBytes / 1e9).toFixed(1)} GB free at ${options.home}.`,
      },
    ],
  }
}

type Probe = Pick<DoctorReport, 'providers'> & { readonly runtimeVersion: string; readonly failure: string | null }

/** Asks an engine process, so that a driver that crashes takes only that process with it. */
async function probeProviders({ launch, engineEntry }: DoctorOptions): Promise<Probe> {
  const child = launch({ entry: engineEntry, arguments: ['--probe'], name: 'switchboard-doctor' })
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    child.kill()
  }, probeMs)
  const exit = await new Promise<{ readonly code: number | null; readonly signal: string | null }>((resolve) =>
    child.onExit(resolve),
  )
  clearTimeout(timer)
  const output = child.stderrTail()
  const line = output.split('\n').findLast((text) => text.startsWith('{'))
  const parsed = line === undefined ? undefined : probeSchema.safeParse(parseJson(line))
  if (parsed?.success === true) {
    const providers = parsed.data.providers.map(({ provider, usable, reason }) => ({
      provider,
      usable,
      reason: reason ?? (usable ? 'Works.' : 'Unknown.'),
    }))
    return { runtimeVersion: parsed.data.runtimeVersion, providers, failure: null }
  }
  const why = timedOut
    ? `did not answer within ${probeMs / 1000} s`
    : `ended with ${exit.signal ?? `code ${exit.code}`}`
  const failure = `The engine process ${why}. ${output.split('\n').at(-1) ?? ''}`.trim()
  return {
    runtimeVersion: 'unknown',
    failure,
    providers: (['cuda', 'webgpu', 'cpu'] as const).map((provider) => ({ provider, usable: false, reason: failure })),
  }
}

function providerMessage(providers: DoctorReport['providers']): string {
  const usable = providers.filter(({ usable: works }) => works).map(({ provider }) => provider)
  return usable.length === 0 ? 'No provider can run a model.' : `Usable: ${usable.join(', ')}.`
}

/** Cards the NVIDIA kernel driver knows (/proc/driver/nvidia); their memory is only known to NVML and left out. */
function findGpus(system: string): DoctorReport['gpus'] {
  const folder = join(system, 'proc/driver/nvidia')
  const driver = /Kernel Module(?: for \S+)?\s+([\d.]+)/u.exec(readText(join(folder, 'version')))?.[1] ?? null
  const cards = existsSync(join(folder, 'gpus')) ? readdirSync(join(folder, 'gpus')) : []
  return cards.map((card) => {
    const name = /^Model:\s*(.+)$/mu.exec(readText(join(folder, 'gpus', card, 'information')))?.[1]?.trim()
    return { name: name ?? 'NVIDIA card', memoryBytes: null, driver }
  })
}

const libraryFolders = [
  'usr/lib/x86_64-linux-gnu',
  'usr/lib/aarch64-linux-gnu',
  'usr/lib64',
  'usr/lib',
  'usr/local/cuda/lib64',
  'usr/local/nvidia/lib64',
  'usr/lib/wsl/lib',
]
const wantedLibraries = [
  ['NVML', /^libnvidia-ml\.so/u],
  ['CUDA driver', /^libcuda\.so/u],
  ['CUDA runtime', /^libcudart\.so/u],
  ['cuDNN', /^libcudnn\.so/u],
  ['cuBLAS', /^libcublas\.so/u],
] as const

function findMissingLibraries(system: string): readonly string[] | null {
  if (process.platform !== 'linux') return null
  const extra = (process.env['LD_LIBRARY_PATH'] ?? '').split(':').filter((folder) => folder !== '')
  const names = [...libraryFolders.map((folder) => join(system, folder)), ...extra].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder) : [],
  )
  return wantedLibraries.filter(([, pattern]) => !names.some((name) => pattern.test(name))).map(([label]) => label)
}

function librariesMessage(missing: readonly string[] | null): string {
  if (missing === null) return 'Looked for by the runtime itself on this system.'
  return missing.length === 0 ? 'All found.' : `Not found: ${missing.join(', ')}. Needed only for CUDA.`
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // a system without this file has no such driver
    return ''
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
