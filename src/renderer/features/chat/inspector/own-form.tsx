import { Button, TextInput } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { AssistantValues } from '../../../../shared/domain/assistant.ts'
import type { SwitchboardError } from '../../../../shared/errors/switchboard-error.ts'
import { errorText } from '../../../lib/error-text.ts'
import { shownError } from '../../../lib/shown-error.ts'
import { useStores } from '../../../stores/stores.ts'
import { useChoose } from '../header/use-answerer.ts'
import { FormFields } from './form-fields.tsx'
import { FormStateLine } from './form-state.tsx'
import { parseForm, type FieldFocus } from './form-values.ts'
import { RegenerateWithThis } from './regenerate-with-this.tsx'
import { useForm, type Form } from './use-form.ts'
import styles from './inspector.module.css'

interface OwnFormProps {
  readonly conversationId: string | undefined
  readonly stored: Omit<AssistantValues, 'name'>
  /** @throws SwitchboardError where the values are refused. */
  readonly save: (values: Omit<AssistantValues, 'name'>) => Promise<void>
  readonly focus: FieldFocus | null
}

/** The instructions of a conversation without an assistant, and the way to make an assistant of them. */
export function OwnForm({ conversationId, stored, save, focus }: OwnFormProps) {
  const { t } = useTranslation()
  const form = useForm({
    draftKey: `own:${conversationId ?? 'new'}`,
    stored: { ...stored, name: '' },
    named: false,
    save: ({ model, systemPrompt, parameters }) => save({ model, systemPrompt, parameters }),
  })
  return (
    <div className={styles.form}>
      <div className={styles.top}>
        <p className={styles.scope}>{t('inspector.ownScope')}</p>
      </div>
      <div className={styles.row}>
        <RegenerateWithThis conversationId={conversationId} form={form} />
        <FormStateLine state={form.state} />
      </div>
      <FormFields form={form} named={false} published={null} focus={focus} />
      <SaveAsAssistant conversationId={conversationId} form={form} />
    </div>
  )
}

function SaveAsAssistant({
  conversationId,
  form,
}: {
  readonly conversationId: string | undefined
  readonly form: Form
}) {
  const { t } = useTranslation()
  const { client, assistants } = useStores()
  const choose = useChoose(conversationId)
  const [name, setName] = useState('')
  const [error, setError] = useState<SwitchboardError | null>(null)
  const parsed = parseForm({ ...form.texts, name }, true)
  const save = async (): Promise<void> => {
    if (parsed.kind === 'invalid') return
    try {
      const assistant = await client.assistants.create(parsed.values)
      await assistants.load()
      choose({ assistantId: assistant.id, model: null })
      notifications.show({
        message: t('inspector.savedAs', { name: assistant.name }),
        closeButtonProps: { 'aria-label': t('app.close') },
      })
    } catch (thrown) {
      setError(shownError(thrown))
    }
  }
  return (
    <form
      className={styles.saveAs}
      onSubmit={(event) => {
        event.preventDefault()
        void save()
      }}
    >
      <TextInput
        className={styles.grow ?? ''}
        label={t('inspector.newName')}
        value={name}
        maxLength={80}
        error={error ? errorText(t, error) : null}
        onChange={(event) => {
          setName(event.currentTarget.value)
          setError(null)
        }}
      />
      <Button type="submit" variant="default" disabled={parsed.kind === 'invalid'}>
        {t('inspector.saveAs')}
      </Button>
    </form>
  )
}
