import { Button, Skeleton } from '@mantine/core'
import type { TFunction } from 'i18next'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Assistant, AssistantVersion } from '../../../shared/domain/assistant.ts'
import type { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { exactTime, number, when } from '../../lib/format.ts'
import { shownError } from '../../lib/shown-error.ts'
import { useStores } from '../../stores/stores.ts'
import { ErrorNotice } from '../../ui/notice.tsx'
import { useAssistantActions } from './use-assistant-actions.tsx'
import { versionChanges, type ChangedLine, type VersionChange } from '../../lib/version-changes.ts'
import styles from './assistants.module.css'

/** Every version, newest first: what changed, who gets it, and the way back to it. */
export function Versions({ assistant }: { readonly assistant: Assistant }) {
  const { t } = useTranslation()
  const { client } = useStores()
  const [versions, setVersions] = useState<readonly AssistantVersion[] | null>(null)
  const [error, setError] = useState<SwitchboardError | null>(null)
  const { id, updatedAt, publishedVersion } = assistant
  useEffect(() => {
    let left = false
    client.assistants.versions({ id }).then(
      (found) => {
        if (left) return
        setVersions(found)
        setError(null)
      },
      (thrown: unknown) => {
        if (!left) setError(shownError(thrown))
      },
    )
    return () => {
      left = true
    }
  }, [client, id, updatedAt, publishedVersion])
  return (
    <section aria-labelledby="versions-heading">
      <h3 className={styles.heading} id="versions-heading">
        {t('assistants.versions')}
      </h3>
      {error ? <ErrorNotice error={error} lead={t('assistants.versionsFailed')} /> : null}
      {versions === null && error === null ? <Skeleton height={64} className={styles.skeleton ?? ''} /> : null}
      <ol className={styles.versions}>
        {versions?.map((version, index) => (
          <Version key={version.version} assistant={assistant} value={version} before={versions[index + 1] ?? null} />
        ))}
      </ol>
    </section>
  )
}

function Version({
  assistant,
  value,
  before,
}: {
  readonly assistant: Assistant
  readonly value: AssistantVersion
  readonly before: AssistantVersion | null
}) {
  const { t, i18n } = useTranslation()
  const actions = useAssistantActions()
  const { version, updatedAt } = value
  const isLatest = version === assistant.version
  const changes = before === null ? null : versionChanges(before, value)
  return (
    <li className={styles.version}>
      <div className={styles.versionHead}>
        <span className={`${styles.versionName} sb-numbers`}>v{version}</span>
        <time
          className={`${styles.facts} sb-numbers`}
          dateTime={new Date(updatedAt).toISOString()}
          title={exactTime(updatedAt, i18n.language)}
        >
          {when(updatedAt, Date.now(), i18n.language)}
        </time>
        {isLatest ? <span className={styles.badge}>{t('assistants.versionLatest')}</span> : null}
        {version === assistant.publishedVersion ? (
          <span className={`${styles.badge} ${styles.goodBadge}`}>{t('assistants.versionPublished')}</span>
        ) : null}
        {isLatest ? null : (
          <Button
            className={styles.takeBack ?? ''}
            size="compact-xs"
            variant="default"
            aria-label={t('assistants.takeBackName', { version })}
            onClick={() => void actions.takeBack(assistant, version)}
          >
            {t('assistants.takeBack')}
          </Button>
        )}
      </div>
      {changes === null ? (
        <p className={styles.help}>{t('assistants.versionFirst')}</p>
      ) : changes.length === 0 ? (
        <p className={styles.help}>{t('assistants.versionSame')}</p>
      ) : (
        <ul className={styles.changes}>
          {changes.map((change) => (
            <li key={change.kind === 'parameter' ? change.name : change.kind}>
              {change.kind === 'prompt' ? <PromptChange lines={change.lines} /> : changeText(t, i18n.language, change)}
            </li>
          ))}
        </ul>
      )}
    </li>
  )
}

function changeText(t: TFunction, locale: string, change: Exclude<VersionChange, { kind: 'prompt' }>): string {
  switch (change.kind) {
    case 'name':
      return t('assistants.changedName', change)
    case 'model': {
      const name = (model: string | null): string => model ?? t('assistants.modelDefault')
      return t('assistants.changedModel', { before: name(change.before), after: name(change.after) })
    }
    case 'parameter': {
      const value = (figure: number | null): string =>
        figure === null ? t('assistants.notSet') : number(figure, locale, 2)
      return `${t(`inspector.${change.name}`)}: ${value(change.before)} → ${value(change.after)}`
    }
  }
}

function PromptChange({ lines }: { readonly lines: readonly ChangedLine[] }) {
  const { t } = useTranslation()
  const count = (kind: ChangedLine['kind']): number => lines.filter((line) => line.kind === kind).length
  return (
    <details>
      <summary>{t('assistants.changedPrompt', { added: count('added'), removed: count('removed') })}</summary>
      <div className={styles.diff}>
        {lines.map((line, index) => (
          <p key={index} data-kind={line.kind}>
            <span aria-hidden>{line.kind === 'added' ? '+' : '−'}</span>
            <span className="sb-hidden">
              {t(line.kind === 'added' ? 'assistants.lineAdded' : 'assistants.lineRemoved')}:{' '}
            </span>
            <span>{line.text}</span>
          </p>
        ))}
      </div>
    </details>
  )
}
