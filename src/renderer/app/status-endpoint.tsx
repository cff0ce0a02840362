import { IconCheck, IconCopy, IconPlugOff } from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import styles from './status-bar.module.css'

/** The address programs call; a press copies it. */
export function EndpointPart({ url }: { readonly url: string | null }) {
  const { t } = useTranslation()
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 1500)
    return () => clearTimeout(timer)
  }, [copied])
  if (url === null)
    return (
      <span className={`${styles.part} ${styles.partAmber} ${styles.endpoint}`}>
        <IconPlugOff size={14} aria-hidden />
        <span>{t('status.endpointOff')}</span>
      </span>
    )
  return (
    <button
      type="button"
      className={`${styles.part} ${styles.endpoint}`}
      aria-label={copied ? t('status.endpointCopied') : t('status.endpointCopy', { url })}
      onClick={() => void navigator.clipboard.writeText(url).then(() => setCopied(true))}
    >
      {copied ? <IconCheck size={14} aria-hidden /> : <IconCopy size={14} aria-hidden />}
      <span className={styles.url}>{url.replace(/^https?:\/\//, '')}</span>
    </button>
  )
}
