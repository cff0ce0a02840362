import { IconCheck } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { errorText } from '../lib/error-text.ts'
import type { Saving } from '../lib/saving.ts'
import styles from './save-state.module.css'

/** Says whether what was changed is kept. */
export function SaveState({ saving }: { readonly saving: Saving }) {
  const { t } = useTranslation()
  return (
    <span className={`${styles.state} ${saving.kind === 'failed' ? styles.failed : ''}`} role="status">
      {saving.kind === 'saving' ? t('app.saving') : null}
      {saving.kind === 'saved' ? (
        <>
          <IconCheck size={14} aria-hidden />
          {t('app.saved')}
        </>
      ) : null}
      {saving.kind === 'failed' ? t('app.notSaved', { reason: errorText(t, saving.error) }) : null}
    </span>
  )
}
