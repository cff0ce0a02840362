import { IconSearch } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { palette } from './palette-control.ts'
import styles from './palette-field.module.css'
import { useShortcutText } from './shortcuts.ts'

/** Looks like a search field and opens the command palette. */
export function PaletteField() {
  const { t } = useTranslation()
  const keys = useShortcutText()
  return (
    <button type="button" className={styles.field} aria-label={t('app.openPalette')} onClick={palette.open}>
      <IconSearch size={16} aria-hidden />
      <span className={styles.text}>{t('app.searchOrJump')}</span>
      <kbd className={styles.keys}>{keys('palette')}</kbd>
    </button>
  )
}
