import { IconCheck } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { errorText } from '../lib/error-text.ts'
import type { Saving } from '../lib/saving.ts'
import styles from './save-state.module.css'

const savedForMs = 3000

/** Says whether what was changed is kept. "Saved" goes away after a while; a failure stays. */
export function SaveState({ saving }: { readonly saving: Saving }) {
  const { t } = useTranslation()
  const [faded, setFaded] = useState(false)
  useEffect(() => {
    setFaded(false)
    if (saving.kind !== 'saved') return
    const timer = setTimeout(() => setFaded(true), savedForMs)
    return () => clearTimeout(timer)
  }, [saving])
  return (
    <span className={`${styles.state} ${saving.kind === 'failed' ? styles.failed : ''}`} role="status">
      {saving.kind === 'saving' ? t('app.saving') : null}
      {saving.kind === 'saved' && !faded ? (
        <>
          <IconCheck size={14} aria-hidden />
          {t('app.saved')}
        </>
      ) : null}
      {saving.kind === 'failed' ? t('app.notSaved', { reason: errorText(t, saving.error) }) : null}
    </span>
  )
}
