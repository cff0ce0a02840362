import type { DoctorReport } from '../../../shared/domain/status.ts'

/** The doctor's report as plain text to paste into a message. English, so that anyone can help. */
export function reportText(report: DoctorReport): string {
  const { versions, platform, gpus, providers, disk, checks } = report
  return [
    `Switchboard ${report.version} (${report.host})`,
    `versions: node ${versions.node}, sqlite ${versions.sqlite}, onnxruntime ${versions.onnxruntime}, electron ${versions.electron ?? 'none'}`,
    `platform: ${platform.os} ${platform.arch}, ${platform.cpu}, ${platform.cores} cores, ${platform.memoryBytes} bytes`,
    ...(gpus.length === 0
      ? ['gpu: none']
      : gpus.map(
          (gpu) => `gpu: ${gpu.name}, ${gpu.memoryBytes ?? 'unknown'} bytes, driver ${gpu.driver ?? 'unknown'}`,
        )),
    ...providers.map(
      (provider) => `provider ${provider.provider}: ${provider.usable ? 'usable' : 'not usable'}, ${provider.reason}`,
    ),
    `disk: ${disk.freeBytes} bytes free in ${disk.home}`,
    ...checks.map((check) => `check ${check.name}: ${check.ok ? 'ok' : 'NOT OK'}, ${check.message}`),
  ].join('\n')
}
