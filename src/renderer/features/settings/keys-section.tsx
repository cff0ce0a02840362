import { Button, Modal, Select, TextInput } from '@mantine/core'
import { IconAlertTriangle } from '@tabler/icons-react'
import { useState, type SyntheticEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { shownError } from '../../lib/shown-error.ts'
import { isKeyName, type ApiKey } from '../../../shared/domain/api-key.ts'
import type { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { errorText } from '../../lib/error-text.ts'
import { exactTime, when } from '../../lib/format.ts'
import { useStores } from '../../stores/stores.ts'
import { CopyButton } from '../../ui/copy-button.tsx'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { useNotifyFailure } from '../../ui/notify-failure.ts'
import { Section } from './section.tsx'
import styles from './settings.module.css'

/** Mantine's Select has no null among its values. */
const unbound = ''

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
      <div className={styles.keyText}>
        <span className={styles.keyName}>{value.name}</span>
        <span className={`${styles.keyFacts} sb-numbers`}>
          <span className={styles.keyPrefix}>{value.prefix}…</span>
          <span title={used === null ? undefined : exactTime(used, i18n.language)}>
            {used === null
              ? t('settings.keyUnused')
              : t('settings.keyUsedAt', { time: when(used, Date.now(), i18n.language) })}
          </span>
        </span>
      </div>
      {value.revokedAt === null ? (
        <>
          <div className={styles.keyBinding}>
            <Binding value={value} />
          </div>
          <Button
            size="xs"
            variant="default"
            aria-label={t('settings.keyRevokeName', { name: value.name })}
            onClick={onRevoke}
          >
            {t('settings.keyRevoke')}
          </Button>
          <BindingWarning value={value} />
        </>
      ) : (
        <>
          <span />
          <span className={styles.soft}>{t('settings.keyRevoked')}</span>
        </>
      )}
    </li>
  )
}

/** The choices of an assistant for a key; those customers cannot get yet say so. */
function useAssistantChoices() {
  const { t } = useTranslation()
  const { assistants } = useStores()
  const list = useStore(assistants.store, (state) => state.value)
  const choices = [
    { value: unbound, label: t('settings.keyAssistantNone') },
    ...(list ?? []).map(({ id, name, publishedVersion }) => ({
      value: id,
      label: publishedVersion === null ? t('settings.keyAssistantDraft', { name }) : name,
    })),
  ]
  return { list, choices }
}

/** Which assistant answers requests with this key. */
function Binding({ value: { id, name, assistantId } }: { readonly value: ApiKey }) {
  const { t } = useTranslation()
  const { client, keys } = useStores()
  const notifyFailure = useNotifyFailure()
  const { list, choices } = useAssistantChoices()
  const gone = assistantId !== null && list !== null && !list.some((assistant) => assistant.id === assistantId)
  const bind = async (next: string): Promise<void> => {
    const bound = next === unbound ? null : next
    const before = keys.store.getState().value ?? []
    keys.set(before.map((key) => (key.id === id ? { ...key, assistantId: bound } : key)))
    try {
      await client.keys.bind({ id, assistantId: bound })
    } catch (thrown) {
      notifyFailure(thrown)
    }
    await keys.load()
  }
  return (
    <Select
      size="xs"
      aria-label={t('settings.keyAssistantFor', { name })}
      allowDeselect={false}
      value={assistantId ?? unbound}
      error={gone}
      onChange={(next) => void bind(next ?? unbound)}
      data={[...choices, ...(gone ? [{ value: assistantId, label: t('settings.keyAssistantGone') }] : [])]}
    />
  )
}

/** Programs with the key are refused while its assistant is gone or not published. */
function BindingWarning({ value: { assistantId } }: { readonly value: ApiKey }) {
  const { t } = useTranslation()
  const { assistants } = useStores()
  const list = useStore(assistants.store, (state) => state.value)
  if (assistantId === null || list === null) return null
  const assistant = list.find(({ id }) => id === assistantId)
  if (assistant && assistant.publishedVersion !== null) return null
  return (
    <p className={styles.keyWarning}>
      <IconAlertTriangle size={14} aria-hidden />
      {assistant ? t('settings.keyAssistantRefused', { name: assistant.name }) : t('settings.keyAssistantLost')}
    </p>
  )
}

function NewKey() {
  const { t } = useTranslation()
  const { client, keys } = useStores()
  const { choices } = useAssistantChoices()
  const [typed, setTyped] = useState('')
  const [assistantId, setAssistantId] = useState(unbound)
  const [error, setError] = useState<SwitchboardError | null>(null)
  const [created, setCreated] = useState<CreatedKey | null>(null)
  const [creating, setCreating] = useState(false)
  const name = typed.trim()
  const invalid = name !== '' && !isKeyName(name)
  const create = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault()
    if (name === '' || invalid || creating) return
    setCreating(true)
    try {
      const { key, secret } = await client.keys.create({
        name,
        assistantId: assistantId === unbound ? null : assistantId,
      })
      setCreated({ name: key.name, secret })
      setTyped('')
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
          value={typed}
          error={
            error?.code === 'invalid_name' || invalid
              ? t('settings.keyNameInvalid')
              : error
                ? errorText(t, error)
                : null
          }
          onChange={(event) => {
            setTyped(event.currentTarget.value)
            setError(null)
          }}
        />
        <Select
          className={styles.newKeyAssistant ?? ''}
          label={t('settings.keyAssistant')}
          allowDeselect={false}
          value={assistantId}
          onChange={(next) => setAssistantId(next ?? unbound)}
          data={choices}
        />
        <Button
          className={styles.newKeyButton ?? ''}
          type="submit"
          variant="default"
          loading={creating}
          disabled={name === '' || invalid}
        >
          {t('settings.keyCreate')}
        </Button>
      </form>
      {created ? <CreatedDialog key={created.secret} value={created} onClose={() => setCreated(null)} /> : null}
    </>
  )
}

interface CreatedKey {
  readonly name: string
  readonly secret: string
}

/** Shows the secret this once. Esc and ✕ ask first while it was not copied. */
function CreatedDialog({ value, onClose }: { readonly value: CreatedKey; readonly onClose: () => void }) {
  const { t } = useTranslation()
  const [copied, setCopied] = useState(false)
  const [asking, setAsking] = useState(false)
  return (
    <Modal
      opened
      onClose={() => (copied ? onClose() : setAsking(true))}
      closeOnClickOutside={false}
      title={t('settings.keyCreated', { name: value.name })}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      <p className={styles.dialogText}>{t('settings.keySecretOnce')}</p>
      <TextInput
        label={t('settings.keySecret')}
        readOnly
        value={value.secret}
        onFocus={(event) => event.currentTarget.select()}
        onCopy={() => setCopied(true)}
        classNames={{ input: styles.keyPrefix ?? '' }}
        rightSectionWidth={40}
        rightSection={<CopyButton text={value.secret} label={t('settings.keyCopy')} onCopied={() => setCopied(true)} />}
        data-autofocus
      />
      {asking && !copied ? (
        <div className={styles.dialogNotice}>
          <Notice
            kind="amber"
            live
            actions={
              <Button size="xs" variant="default" onClick={onClose}>
                {t('settings.keyCloseAnyway')}
              </Button>
            }
          >
            {t('settings.keyNotCopied')}
          </Notice>
        </div>
      ) : null}
      <div className={styles.dialogActions}>
        <Button onClick={onClose}>{t('settings.keyDone')}</Button>
      </div>
    </Modal>
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
