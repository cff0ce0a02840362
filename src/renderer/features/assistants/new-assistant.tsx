import { Button, Modal, TextInput } from '@mantine/core'
import { useState, type SyntheticEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { callName } from '../../../shared/domain/assistant.ts'
import type { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { errorText } from '../../lib/error-text.ts'
import { shownError } from '../../lib/shown-error.ts'
import { useStores } from '../../stores/stores.ts'
import { ModelSelect } from './model-select.tsx'
import styles from './assistants.module.css'

/** Asks what a new assistant is called and which model answers; everything else is edited afterwards. */
export function NewAssistant({ opened, onClose }: { readonly opened: boolean; readonly onClose: () => void }) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('assistants.createTitle')}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      <Form onDone={onClose} />
    </Modal>
  )
}

function Form({ onDone }: { readonly onDone: () => void }) {
  const { t } = useTranslation()
  const { client, assistants } = useStores()
  const navigate = useNavigate()
  const [name, setName] = useState('')
  const [model, setModel] = useState<string | null>(null)
  const [error, setError] = useState<SwitchboardError | null>(null)
  const [creating, setCreating] = useState(false)
  const create = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault()
    if (name.trim() === '' || creating) return
    setCreating(true)
    try {
      const { id } = await client.assistants.create({ name: name.trim(), model, systemPrompt: '', parameters: {} })
      await assistants.load()
      onDone()
      await navigate(`/assistants/${id}`)
    } catch (thrown) {
      setError(shownError(thrown))
    } finally {
      setCreating(false)
    }
  }
  const called = callName(name)
  return (
    <form className={styles.form} onSubmit={(event) => void create(event)}>
      <TextInput
        label={t('assistants.name')}
        description={called === '' ? undefined : `${t('assistants.callName')}: ${called}`}
        data-autofocus
        autoComplete="off"
        maxLength={80}
        value={name}
        error={
          error === null
            ? null
            : error.code === 'name_taken'
              ? t('assistants.nameTaken', { name: called })
              : errorText(t, error)
        }
        onChange={(event) => {
          setName(event.currentTarget.value)
          setError(null)
        }}
      />
      <ModelSelect value={model} onChange={setModel} />
      <div className={styles.formActions}>
        <Button variant="default" onClick={onDone}>
          {t('app.cancel')}
        </Button>
        <Button type="submit" loading={creating} disabled={name.trim() === ''}>
          {t('assistants.create')}
        </Button>
      </div>
    </form>
  )
}
