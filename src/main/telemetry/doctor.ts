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
  /** Script of the engine process, which probes the providers. */
  readonly engineEntry: string
  /** Root of the file system; tests pass another folder. */
  readonly systemRoot?: string
}

/** GPU drivers can be slow to start; the whole report stays below ten seconds. */
const MAX_PROBE_MS = 8000
/** Room for the demo model, its graph and conversations. */
const MIN_FREE_BYTES = 1024 ** 3

const probeSchema = z.object({
  runtimeVersion: z.string(),
  providers: z.array(
    z.object({ provider: z.enum(['cuda', 'webgpu', 'cpu']), usable: z.boolean(), reason: z.string().optional() }),
  ),
})

/** Reports which providers and libraries this machine can use, and why not, in plain words. Needs no network. */
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
        ok: freeBytes >= MIN_FREE_BYTES,
        message: `${(freeBytes / 1e9).toFixed(1)} GB free at ${options.home}.`,
      },
    ],
  }
}

type Probe = Pick<DoctorReport, 'providers'> & { readonly runtimeVersion: string; readonly failure: string | null }

/** Probes in an engine process, so that a crashing driver cannot take this process down. */
async function probeProviders({ launch, engineEntry }: DoctorOptions): Promise<Probe> {
  const child = launch({ entry: engineEntry, arguments: ['--probe'], name: 'switchboard-doctor' })
  let timedOut = false
  const timer = setTimeout(() => {
    timedOut = true
    child.kill()
  }, MAX_PROBE_MS)
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
    ? `did not answer within ${MAX_PROBE_MS / 1000} s`
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

/** GPUs known to the NVIDIA kernel driver (/proc/driver/nvidia). Their memory size needs NVML and is left out. */
function findGpus(system: string): DoctorReport['gpus'] {
  const folder = join(system, 'proc/driver/nvidia')
  const driver = /Kernel Module(?: for \S+)?\s+([\d.]+)/u.exec(readText(join(folder, 'version')))?.[1] ?? null
  const cards = existsSync(join(folder, 'gpus')) ? readdirSync(join(folder, 'gpus')) : []
  return cards.map((card) => {
    const name = /^Model:\s*(.+)$/mu.exec(readText(join(folder, 'gpus', card, 'information')))?.[1]?.trim()
    return { name: name ?? 'NVIDIA card', memoryBytes: null, driver }
  })
}

const LIBRARY_FOLDERS = [
  'usr/lib/x86_64-linux-gnu',
  'usr/lib/aarch64-linux-gnu',
  'usr/lib64',
  'usr/lib',
  'usr/local/cuda/lib64',
  'usr/local/nvidia/lib64',
  'usr/lib/wsl/lib',
]
const CUDA_LIBRARIES = [
  ['NVML', /^libnvidia-ml\.so/u],
  ['CUDA driver', /^libcuda\.so/u],
  ['CUDA runtime', /^libcudart\.so/u],
  ['cuDNN', /^libcudnn\.so/u],
  ['cuBLAS', /^libcublas\.so/u],
] as const

function findMissingLibraries(system: string): readonly string[] | null {
  if (process.platform !== 'linux') return null
  const extra = (process.env['LD_LIBRARY_PATH'] ?? '').split(':').filter((folder) => folder !== '')
  const names = [...LIBRARY_FOLDERS.map((folder) => join(system, folder)), ...extra].flatMap((folder) =>
    existsSync(folder) ? readdirSync(folder) : [],
  )
  return CUDA_LIBRARIES.filter(([, pattern]) => !names.some((name) => pattern.test(name))).map(([label]) => label)
}

function librariesMessage(missing: readonly string[] | null): string {
  if (missing === null) return 'Located by the runtime itself on this system.'
  return missing.length === 0 ? 'All found.' : `Not found: ${missing.join(', ')}. Needed only for CUDA.`
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Without this file there is no such driver.
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
