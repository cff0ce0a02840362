import { useTranslation } from 'react-i18next'
import styles from './message-list.module.css'

/** Stands before the first message that the newest reply was written with. */
export function CutDivider() {
  const { t } = useTranslation()
  return (
    <div className={styles.cut} title={t('chat.cutHelp')}>
      <span>{t('chat.cut')}</span>
    </div>
  )
}
