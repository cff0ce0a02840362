import { Button, Modal, TextInput } from '@mantine/core'
import { useState, type SyntheticEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { shownError } from '../../lib/shown-error.ts'
import type { ApiKey } from '../../../shared/domain/api-key.ts'
import type { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { errorText } from '../../lib/error-text.ts'
import { exactTime, when } from '../../lib/format.ts'
import { useStores } from '../../stores/stores.ts'
import { CopyButton } from '../../ui/copy-button.tsx'
import { ErrorNotice } from '../../ui/notice.tsx'
import { Section } from './section.tsx'
import styles from './settings.module.css'

const namePattern = /^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/

/** Keys for programs: create, see when each was used, revoke. */
export function KeysSection() {
  const { t } = useTranslation()
  const { keys } = useStores()
  const state = useStore(keys.store)
  const [revoking, setRevoking] = useState<ApiKey | null>(null)
  const list =
    state.value?.toSorted(
      (a, b) => Number(a.revokedAt !== null) - Number(b.revokedAt !== null) || b.createdAt - a.createdAt,
    ) ?? []
  return (
    <Section title={t('settings.keys')} help={t('settings.keysHelp')}>
      <NewKey />
      {state.kind === 'failed' ? (
        <div className={styles.block}>
          <ErrorNotice
            error={state.error}
            lead={t('settings.keysFailed')}
            actions={
              <Button size="xs" variant="default" onClick={() => void keys.load()}>
                {t('app.retry')}
              </Button>
            }
          />
        </div>
      ) : null}
      {state.kind === 'ready' && list.length === 0 ? <p className={styles.empty}>{t('settings.keysEmpty')}</p> : null}
      {list.length > 0 ? (
        <ul className={styles.keys}>
          {list.map((key) => (
            <Key key={key.id} value={key} onRevoke={() => setRevoking(key)} />
          ))}
        </ul>
      ) : null}
      <RevokeDialog value={revoking} onClose={() => setRevoking(null)} />
    </Section>
  )
}

function Key({ value, onRevoke }: { readonly value: ApiKey; readonly onRevoke: () => void }) {
  const { t, i18n } = useTranslation()
  const used = value.lastUsedAt
  return (
    <li className={`${styles.key} ${value.revokedAt === null ? '' : styles.revoked}`}>
      <span className={styles.keyName}>{value.name}</span>
      <span className={styles.keyPrefix}>{value.prefix}…</span>
      <span className={`${styles.soft} sb-numbers`} title={used === null ? undefined : exactTime(used, i18n.language)}>
        {t('settings.keyUsed')}: {used === null ? t('settings.keyNeverUsed') : when(used, Date.now(), i18n.language)}
      </span>
      {value.revokedAt === null ? (
        <Button
          size="xs"
          variant="default"
          aria-label={t('settings.keyRevokeName', { name: value.name })}
          onClick={onRevoke}
        >
          {t('settings.keyRevoke')}
        </Button>
      ) : (
        <span className={styles.soft}>{t('settings.keyRevoked')}</span>
      )}
    </li>
  )
}

function NewKey() {
  const { t } = useTranslation()
  const { client, keys } = useStores()
  const [name, setName] = useState('')
  const [error, setError] = useState<SwitchboardError | null>(null)
  const [created, setCreated] = useState<{ readonly name: string; readonly secret: string } | null>(null)
  const [creating, setCreating] = useState(false)
  const invalid = name !== '' && !namePattern.test(name)
  const create = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault()
    if (name === '' || invalid || creating) return
    setCreating(true)
    try {
      const { key, secret } = await client.keys.create({ name })
      setCreated({ name: key.name, secret })
      setName('')
      await keys.load()
    } catch (thrown) {
      setError(shownError(thrown))
    } finally {
      setCreating(false)
    }
  }
  return (
    <>
      <form className={styles.newKey} onSubmit={(event) => void create(event)}>
        <TextInput
          label={t('settings.keyName')}
          placeholder={t('settings.keyNamePlaceholder')}
          autoComplete="off"
          spellCheck={false}
          value={name}
          error={error ? errorText(t, error) : invalid ? t('settings.keyNameInvalid') : null}
          onChange={(event) => {
            setName(event.currentTarget.value.trim())
            setError(null)
          }}
        />
        <Button type="submit" variant="default" loading={creating} disabled={name === '' || invalid}>
          {t('settings.keyCreate')}
        </Button>
      </form>
      <Modal
        opened={created !== null}
        onClose={() => setCreated(null)}
        closeOnClickOutside={false}
        title={t('settings.keyCreated', { name: created?.name ?? '' })}
        closeButtonProps={{ 'aria-label': t('app.close') }}
      >
        <p className={styles.dialogText}>{t('settings.keySecretOnce')}</p>
        <TextInput
          label={t('settings.keySecret')}
          readOnly
          value={created?.secret ?? ''}
          onFocus={(event) => event.currentTarget.select()}
          classNames={{ input: styles.keyPrefix ?? '' }}
          rightSectionWidth={40}
          rightSection={<CopyButton text={created?.secret ?? ''} label={t('app.copy')} />}
          data-autofocus
        />
        <div className={styles.dialogActions}>
          <Button onClick={() => setCreated(null)}>{t('settings.keyDone')}</Button>
        </div>
      </Modal>
    </>
  )
}

function RevokeDialog({ value, onClose }: { readonly value: ApiKey | null; readonly onClose: () => void }) {
  const { t } = useTranslation()
  const { client, keys } = useStores()
  const [error, setError] = useState<SwitchboardError | null>(null)
  const revoke = async (): Promise<void> => {
    if (!value) return
    try {
      await client.keys.revoke({ id: value.id })
      await keys.load()
      setError(null)
      onClose()
    } catch (thrown) {
      setError(shownError(thrown))
    }
  }
  return (
    <Modal
      opened={value !== null}
      onClose={onClose}
      title={t('settings.keyRevokeTitle', { name: value?.name ?? '' })}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      <p className={styles.dialogText}>{t('settings.keyRevokeText')}</p>
      {error ? <ErrorNotice error={error} /> : null}
      <div className={styles.dialogActions}>
        <Button variant="default" data-autofocus onClick={onClose}>
          {t('app.cancel')}
        </Button>
        <Button color="red.8" onClick={() => void revoke()}>
          {t('settings.keyRevoke')}
        </Button>
      </div>
    </Modal>
  )
}
