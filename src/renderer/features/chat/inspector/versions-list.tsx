import { Button } from '@mantine/core'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import type { Assistant, AssistantVersion } from '../../../../shared/domain/assistant.ts'
import { exactTime, number, when } from '../../../lib/format.ts'
import { versionChanges, type VersionChange } from '../../../lib/version-changes.ts'

import type { Loadable } from '../../../stores/loadable.ts'
import { ErrorNotice } from '../../../ui/notice.tsx'
import styles from './inspector.module.css'

interface VersionsListProps {
  readonly assistant: Assistant
  /** Newest first. */
  readonly versions: Loadable<readonly AssistantVersion[]>
  readonly onTakeBack: (version: number) => void
}

/** Every version, what changed with it, and the way back to it. */
export function VersionsList({ assistant, versions: loadable, onTakeBack }: VersionsListProps) {
  const { t, i18n } = useTranslation()
  if (loadable.kind === 'failed') return <ErrorNotice error={loadable.error} lead={t('inspector.versionsFailed')} />
  const versions = loadable.value
  if (versions === null) return <p className={styles.quiet}>{t('app.loading')}</p>
  return (
    <ol className={styles.versionList} reversed>
      {versions.map((version, index) => {
        const before = versions[index + 1]
        const changes = before ? versionChanges(before, version) : []
        return (
          <li key={version.version}>
            <div className={styles.versionHead}>
              <strong>{t('inspector.version', { version: version.version })}</strong>
              <time
                className="sb-numbers"
                dateTime={new Date(version.updatedAt).toISOString()}
                title={exactTime(version.updatedAt, i18n.language)}
              >
                {when(version.updatedAt, Date.now(), i18n.language)}
              </time>
              {version.version === assistant.publishedVersion ? (
                <span className={styles.mark}>{t('inspector.withCustomers')}</span>
              ) : null}
              {version.version === assistant.version ? (
                <span className={styles.mark}>{t('inspector.triedHere')}</span>
              ) : (
                <Button
                  className={styles.takeBack ?? ''}
                  size="compact-xs"
                  variant="default"
                  aria-label={t('inspector.takeBackName', { version: version.version })}
                  onClick={() => onTakeBack(version.version)}
                >
                  {t('inspector.takeBack')}
                </Button>
              )}
            </div>
            {before ? (
              <ul className={styles.changes}>
                {changes.length === 0 ? <li>{t('inspector.nothingChanged')}</li> : null}
                {changes.map((change) => (
                  <li key={change.kind === 'parameter' ? change.name : change.kind}>
                    {changeWords(change, t, i18n.language)}
                  </li>
                ))}
              </ul>
            ) : (
              <p className={styles.quiet}>{t('inspector.firstVersion')}</p>
            )}
          </li>
        )
      })}
    </ol>
  )
}

/** One change in words: what was changed, from what, to what. */
function changeWords(change: VersionChange, t: TFunction, locale: string): string {
  switch (change.kind) {
    case 'name':
      return t('inspector.changed', { field: t('inspector.name'), from: change.before, to: change.after })
    case 'model': {
      const words = (model: string | null): string => model ?? t('inspector.theDefaultModel')
      return t('inspector.changed', {
        field: t('inspector.model'),
        from: words(change.before),
        to: words(change.after),
      })
    }
    case 'prompt': {
      const count = (kind: 'added' | 'removed'): string =>
        number(change.lines.filter((line) => line.kind === kind).length, locale)
      return t('inspector.promptChanged', { added: count('added'), removed: count('removed') })
    }
    case 'parameter': {
      const words = (value: number | null): string =>
        value === null ? t('inspector.modelsOwn') : number(value, locale, 2)
      return t('inspector.changed', {
        field: t(`inspector.${change.name}`),
        from: words(change.before),
        to: words(change.after),
      })
    }
  }
}
