import { Button, Modal } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import type { SafeUrl } from '../lib/safe-url.ts'
import { useStores } from '../stores/stores.ts'
import { LinkOpenerContext } from '../ui/link-opener.ts'
import { useNotifyFailure } from '../ui/notify-failure.ts'
import styles from './link-confirm.module.css'

/** Asks before a link leaves the program. In the desktop window the host asks; in a browser this does. */
export function LinkConfirm({ children }: { readonly children: ReactNode }) {
  const { t } = useTranslation()
  const { client, status } = useStores()
  const notifyFailure = useNotifyFailure()
  const host = useStore(status.store, (state) => state.info?.host ?? 'headless')
  const [asked, setAsked] = useState<SafeUrl | null>(null)
  const ask = (url: SafeUrl): void => {
    if (host !== 'electron') {
      setAsked(url)
      return
    }
    client.app.openExternal({ url: url.href }).catch(notifyFailure)
  }
  const open = (): void => {
    if (asked) window.open(asked.href, '_blank', 'noopener,noreferrer')
    setAsked(null)
  }
  return (
    <LinkOpenerContext value={ask}>
      {children}
      <Modal
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={t('markdown.openLink', { host: asked?.host ?? '' })}
        closeButtonProps={{ 'aria-label': t('app.close') }}
      >
        <p className={styles.text}>{t('markdown.openLinkText')}</p>
        <code className={styles.url}>{asked?.href}</code>
        <div className={styles.actions}>
          <Button variant="default" onClick={() => setAsked(null)}>
            {t('app.cancel')}
          </Button>
          <Button data-autofocus onClick={open}>
            {t('markdown.open')}
          </Button>
        </div>
      </Modal>
    </LinkOpenerContext>
  )
}
