import { Button, Loader, TextInput } from '@mantine/core'
import { useEffect, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { useStores } from '../stores/stores.ts'
import { CopyButton } from '../ui/copy-button.tsx'
import { Notice } from '../ui/notice.tsx'
import styles from './connection-gate.module.css'

/** Prints the address of the running program with its key. */
const command = 'npm run -s switchboard -- status'

const lostTexts = {
  unreachable: { title: 'connection.lostTitle', text: 'connection.lostText', banner: 'connection.lostBanner' },
  closing: { title: 'connection.closingTitle', text: 'connection.closingText', banner: 'connection.closingBanner' },
  crowded: { title: 'connection.crowdedTitle', text: 'connection.crowdedText', banner: 'connection.crowdedBanner' },
} as const

/** Shows the program once it was reached; until then, what is missing and what to do. */
export function ConnectionGate({ children }: { readonly children: ReactNode }) {
  const { t } = useTranslation()
  const { connection } = useStores()
  const kind = useStore(connection.store, (state) => state.kind)
  const lost = useLostTexts()
  const [reached, setReached] = useState(false)
  useEffect(() => {
    if (kind === 'open') setReached(true)
  }, [kind])
  // A short break leaves the page as it is, under a banner; a wrong or missing key cannot.
  if (kind === 'open' || (reached && (kind === 'lost' || kind === 'connecting'))) return children
  if (kind === 'missing-key' || kind === 'refused') return <KeyNeeded refused={kind === 'refused'} />
  return (
    <main className={styles.gate}>
      {kind === 'connecting' ? (
        <div className={styles.connecting} role="status">
          <Loader size="sm" />
          {t('connection.connecting')}
        </div>
      ) : (
        <div className={styles.card}>
          <h1>{t(lost.title)}</h1>
          <p>{t(lost.text)}</p>
          <Button onClick={connection.retry}>{t('connection.tryNow')}</Button>
        </div>
      )}
    </main>
  )
}

function KeyNeeded({ refused }: { readonly refused: boolean }) {
  const { t } = useTranslation()
  const [text, setText] = useState('')
  const key = /#key=([^&\s]+)/.exec(text)?.[1] ?? text.trim()
  return (
    <main className={styles.gate}>
      <div className={styles.card}>
        <h1>{t(refused ? 'connection.refusedTitle' : 'connection.missingTitle')}</h1>
        <p>{t(refused ? 'connection.refusedText' : 'connection.missingText')}</p>
        <div className={styles.command}>
          <code>{command}</code>
          <CopyButton text={command} label={t('app.copy')} />
        </div>
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault()
            if (key !== '') window.location.hash = `#key=${key}`
          }}
        >
          <TextInput
            className={styles.grow ?? ''}
            label={t('connection.keyLabel')}
            placeholder={t('connection.keyPlaceholder')}
            autoComplete="off"
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <Button type="submit" disabled={key === ''}>
            {t('connection.keyOpen')}
          </Button>
        </form>
      </div>
    </main>
  )
}

/** A line over the page while the connection is being made again. */
export function ConnectionBanner() {
  const { t } = useTranslation()
  const { connection } = useStores()
  const kind = useStore(connection.store, (state) => state.kind)
  const lost = useLostTexts()
  if (kind === 'open') return null
  return (
    <div className={styles.banner}>
      <Notice
        kind="amber"
        live
        actions={
          <Button size="xs" variant="default" onClick={connection.retry}>
            {t('connection.tryNow')}
          </Button>
        }
      >
        {t(lost.banner)}
      </Notice>
    </div>
  )
}

function useLostTexts() {
  const { connection } = useStores()
  return lostTexts[useStore(connection.store, (state) => (state.kind === 'lost' ? state.reason : 'unreachable'))]
}
