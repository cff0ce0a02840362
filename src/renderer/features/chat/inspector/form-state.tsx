import { IconAlertTriangle } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { SaveState } from '../../../ui/save-state.tsx'
import type { FormState } from './use-form.ts'
import styles from './inspector.module.css'

/** Says whether what was changed is kept, and why not. */
export function FormStateLine({ state }: { readonly state: FormState }) {
  const { t } = useTranslation()
  return state.kind === 'invalid' ? (
    <span className={styles.invalid} role="status">
      <IconAlertTriangle size={14} aria-hidden />
      {t('inspector.notSavedInvalid')}
    </span>
  ) : (
    <SaveState saving={state} />
  )
}
