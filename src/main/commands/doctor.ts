import type { DoctorReport } from '../../shared/domain/status.ts'
import { createCore } from '../backend.ts'
import { launchChildProcess } from '../platform/child-process.ts'
import type { CommandContext } from './context.ts'
import { gigabytes, json as asJson } from './terminal.ts'

/** `doctor`: exit code 1 when no provider can run a model here. */
export async function runDoctor({ home, files, terminal, json }: CommandContext): Promise<number> {
  const core = await createCore({ home, files, host: 'headless', launch: launchChildProcess })
  try {
    const report = await core.examine()
    terminal.out(json ? asJson(report) : describeReport(report))
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
