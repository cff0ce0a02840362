import { resolve } from 'node:path'
import type { DoctorReport } from '../../shared/domain/status.ts'
import { createCore, openCatalog, openStorageAt } from '../backend.ts'
import { launchChildProcess } from '../platform/child-process.ts'
import type { Home } from '../platform/home.ts'
import type { ProductFiles } from '../platform/product-files.ts'
import type { Command } from './arguments.ts'
import { table, when, type Terminal } from './terminal.ts'

export interface Place {
  readonly home: Home
  readonly files: ProductFiles
  readonly terminal: Terminal
  readonly json: boolean
  readonly signal: AbortSignal
}

/** `keys …`: works beside a running instance, which reads keys anew for each request. */
export function manageKeys(
  command: Extract<Command, { kind: 'keys create' | 'keys list' | 'keys revoke' }>,
  { home, files, terminal, json }: Place,
): void {
  const storage = openStorageAt(home, files)
  try {
    switch (command.kind) {
      case 'keys create': {
        const { key, secret } = storage.keys.create(command.name)
        terminal.out(json ? lines({ ...key, secret }) : `${secret}\n`)
        return
      }
      case 'keys list': {
        const keys = storage.keys.list()
        terminal.out(
          json
            ? lines(keys)
            : table(
                ['NAME', 'KEY', 'CREATED', 'LAST USED', 'STATE'],
                keys.map((key) => [
                  key.name,
                  `${key.prefix}…`,
                  when(key.createdAt),
                  when(key.lastUsedAt),
                  key.revokedAt === null ? 'live' : 'revoked',
                ]),
              ),
        )
        return
      }
      case 'keys revoke': {
        const key = storage.keys.revoke(command.name)
        terminal.out(json ? lines(key) : `revoked ${key.name}\n`)
      }
    }
  } finally {
    storage.dispose()
  }
}

/** `models …` */
export async function manageModels(
  command: Extract<Command, { kind: 'models list' | 'models import' | 'models remove' }>,
  { home, files, terminal, json, signal }: Place,
): Promise<void> {
  const { catalog, dispose } = openCatalog({ home, files, launch: launchChildProcess })
  try {
    switch (command.kind) {
      case 'models list': {
        const models = await catalog.list()
        terminal.out(
          json
            ? lines(models)
            : table(
                ['NAME', 'FAMILY', 'PRECISION', 'PARAMETERS', 'CONTEXT', 'SIZE'],
                models.map((model) => [
                  model.name,
                  model.family,
                  model.precision,
                  millions(model.parameters),
                  String(model.contextLength),
                  megabytes(model.bytes),
                ]),
              ),
        )
        return
      }
      case 'models import': {
        const onProgress = progressTo(terminal)
        const model = await catalog.import(resolve(command.directory), command.name, command.precision, {
          onProgress,
          signal,
        })
        try {
          // The first question should not have to wait for this.
          await catalog.ensureGraph(model.name, { onProgress, signal })
        } catch (failure) {
          // It would take its room and its name, and fail every request. A build that still reads the files ends first.
          await dispose()
          await catalog
            .remove(model.name)
            .catch(() =>
              terminal.err(`What was copied could not be deleted. Try: switchboard models remove ${model.name}\n`),
            )
          throw failure
        }
        terminal.out(
          json
            ? lines(model)
            : `imported ${model.name}: ${model.family}, ${millions(model.parameters)} parameters, ${megabytes(model.bytes)}\n`,
        )
        return
      }
      case 'models remove':
        await catalog.remove(command.name)
        terminal.out(json ? lines({ removed: command.name }) : `removed ${command.name}\n`)
    }
  } finally {
    await dispose()
  }
}

/** `doctor`: exit code 1 when no model could run here. */
export async function runDoctor({ home, files, terminal, json }: Place): Promise<number> {
  const core = createCore({ home, files, host: 'headless', launch: launchChildProcess })
  try {
    const report = await core.examine()
    terminal.out(json ? lines(report) : describeReport(report))
    return report.providers.some(({ usable }) => usable) ? 0 : 1
  } finally {
    await core.dispose()
  }
}

function describeReport({ version, versions, platform, gpus, providers, disk, checks }: DoctorReport): string {
  return [
    `Switchboard ${version}, Node ${versions.node}, SQLite ${versions.sqlite}, ONNX Runtime ${versions.onnxruntime}`,
    `${platform.os} ${platform.arch}, ${platform.cpu}, ${platform.cores} cores, ${gigabytes(platform.memoryBytes)}`,
    ...gpus.map(({ name, driver }) => `card: ${name}${driver === null ? '' : `, driver ${driver}`}`),
    ...providers.map(({ provider, usable, reason }) => `${provider}: ${usable ? 'usable' : 'not usable'}. ${reason}`),
    `home: ${disk.home}`,
    ...checks.map(({ name, ok, message }) => `${ok ? 'ok  ' : 'note'} ${name}: ${message}`),
    '',
  ].join('\n')
}

function progressTo(terminal: Terminal): (fraction: number, step: string) => void {
  let shown = ''
  return (fraction, step) => {
    const line = `${step} ${Math.floor(fraction * 10) * 10} %`
    if (line === shown) return
    shown = line
    terminal.err(`${line}\n`)
  }
}

const lines = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
const millions = (count: number): string => `${(count / 1e6).toFixed(1)} M`
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`
