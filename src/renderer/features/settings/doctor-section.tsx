import { Button, Loader } from '@mantine/core'
import { IconAlertTriangle, IconCheck, IconInfoCircle } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import type { DoctorCheck, DoctorReport } from '../../../shared/domain/status.ts'
import { bytes, number } from '../../lib/format.ts'
import { providerNames } from '../../lib/provider-names.ts'
import { useStores } from '../../stores/stores.ts'
import { CopyButton } from '../../ui/copy-button.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { reportText } from './report-text.ts'
import { Section } from './section.tsx'
import styles from './settings.module.css'

/** What this computer has, and what is missing. */
export function DoctorSection() {
  const { t } = useTranslation()
  const { doctor } = useStores()
  const state = useStore(doctor.store)
  const action = (
    <div className={styles.actions}>
      {state.value ? (
        <CopyButton text={reportText(state.value)} label={t('settings.doctorCopy')}>
          {t('settings.doctorCopy')}
        </CopyButton>
      ) : null}
      <Button size="xs" variant="default" disabled={state.kind === 'loading'} onClick={() => void doctor.load()}>
        {t('settings.doctorRun')}
      </Button>
    </div>
  )
  return (
    <Section title={t('settings.doctor')} help={t('settings.doctorHelp')} action={action}>
      {state.kind === 'loading' ? (
        <div className={styles.block} role="status">
          <Loader size={14} mr={8} />
          {t('settings.doctorRunning')}
        </div>
      ) : null}
      {state.kind === 'failed' ? (
        <div className={styles.block}>
          <ErrorNotice error={state.error} lead={t('settings.doctorFailed')} />
        </div>
      ) : null}
      {state.value ? <Checks report={state.value} /> : null}
      {state.value ? <Facts report={state.value} /> : null}
    </Section>
  )
}

function Checks({ report }: { readonly report: DoctorReport }) {
  const said = useCheckTexts(report)
  // A computer without a card is no fault of it, and needs no libraries for one.
  const withoutCard = report.gpus.length === 0
  const shown = report.checks.filter(({ name }) => !withoutCard || name !== 'cuda libraries')
  return (
    <ul className={styles.checks}>
      {shown.map((check) => (
        <li key={check.name}>
          <Verdict check={check} isInformation={withoutCard && check.name === 'gpu'} />
          <span>
            <strong className={styles.providerName}>{said[check.name].name}</strong>{' '}
            <span className={styles.soft}>{check.ok ? said[check.name].ok : said[check.name].notOk(check)}</span>
          </span>
        </li>
      ))}
    </ul>
  )
}

function Verdict({ check, isInformation }: { readonly check: DoctorCheck; readonly isInformation: boolean }) {
  const { t } = useTranslation()
  const icon = { size: 16, 'aria-hidden': true } as const
  const [style, Icon, words] = check.ok
    ? ([styles.ok, IconCheck, t('settings.doctorOk')] as const)
    : isInformation
      ? ([styles.soft, IconInfoCircle, t('settings.doctorInfo')] as const)
      : ([styles.notOk, IconAlertTriangle, t('settings.doctorNotOk')] as const)
  return (
    <span className={style}>
      <Icon {...icon} />
      <span className="sb-hidden">{words}: </span>
    </span>
  )
}

interface CheckTexts {
  readonly name: string
  readonly ok: string
  readonly notOk: (check: DoctorCheck) => string
}

/** What each check says in the language of the window; what a library said of a failure stays in its own words. */
function useCheckTexts({
  versions,
  providers,
  gpus,
  missingLibraries,
  disk,
}: DoctorReport): Readonly<Record<DoctorCheck['name'], CheckTexts>> {
  const { t, i18n } = useTranslation()
  const free = t('settings.checkDisk', { free: bytes(disk.freeBytes, i18n.language) })
  return {
    runtime: {
      name: t('settings.checkRuntimeName'),
      ok: t('settings.checkRuntime', { version: versions.onnxruntime }),
      notOk: ({ message }) => t('settings.checkRuntimeFailed', { reason: message }),
    },
    provider: {
      name: t('settings.prefer'),
      ok: t('settings.checkProvider', {
        names: providers
          .filter(({ usable }) => usable)
          .map(({ provider }) => providerNames[provider])
          .join(', '),
      }),
      notOk: () => t('settings.checkProviderNone'),
    },
    gpu: {
      name: t('settings.graphics'),
      ok: gpus.map(({ name }) => name).join(', '),
      notOk: () => t('settings.checkGpuNone'),
    },
    'cuda libraries': {
      name: t('settings.checkLibrariesName'),
      ok: missingLibraries === null ? t('settings.checkLibrariesElsewhere') : t('settings.checkLibraries'),
      notOk: () => t('settings.checkLibrariesMissing', { names: (missingLibraries ?? []).join(', ') }),
    },
    disk: {
      name: t('settings.disk'),
      ok: free,
      notOk: () => t('settings.checkDiskLow', { free: bytes(disk.freeBytes, i18n.language) }),
    },
  }
}

function Facts({ report }: { readonly report: DoctorReport }) {
  const { t, i18n } = useTranslation()
  const { platform, versions, disk, gpus } = report
  const locale = i18n.language
  const gpuText = gpus.map((gpu) =>
    [
      gpu.name,
      ...(gpu.memoryBytes === null ? [] : [bytes(gpu.memoryBytes, locale)]),
      ...(gpu.driver === null ? [] : [t('settings.driver', { version: gpu.driver })]),
    ].join(', '),
  )
  const rows: readonly (readonly [string, string])[] = [
    [t('settings.computer'), `${platform.os} (${platform.arch})`],
    [
      t('settings.processor'),
      `${platform.cpu}, ${t('settings.cores', { count: platform.cores, value: number(platform.cores, locale) })}`,
    ],
    [t('settings.memory'), bytes(platform.memoryBytes, locale)],
    [t('settings.graphics'), gpuText.length === 0 ? t('settings.graphicsNone') : gpuText.join('; ')],
    [t('settings.disk'), bytes(disk.freeBytes, locale)],
    [t('settings.home'), disk.home],
    [
      t('settings.versions'),
      [
        `Switchboard ${report.version}`,
        `ONNX Runtime ${versions.onnxruntime}`,
        `Node ${versions.node}`,
        `SQLite ${versions.sqlite}`,
        ...(versions.electron === null ? [] : [`Electron ${versions.electron}`]),
      ].join(', '),
    ],
  ]
  return (
    <dl className={styles.facts}>
      {rows.map(([name, value]) => (
        <Fact key={name} name={name} value={value} />
      ))}
    </dl>
  )
}

function Fact({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  )
}
