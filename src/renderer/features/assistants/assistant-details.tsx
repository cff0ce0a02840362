import { Button, Textarea, TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { useStore } from 'zustand'
import { MAX_PROMPT_CHARACTERS } from '../../../shared/contracts/console.ts'
import { callName, type Assistant } from '../../../shared/domain/assistant.ts'
import type { ParameterOverrides } from '../../../shared/domain/conversation.ts'
import { errorText } from '../../lib/error-text.ts'
import { number } from '../../lib/format.ts'
import { useStores } from '../../stores/stores.ts'
import { CopyButton } from '../../ui/copy-button.tsx'
import { SaveState } from '../../ui/save-state.tsx'
import { useSavedText } from '../../ui/use-saved-text.ts'
import { versionText } from './assistant-row.tsx'
import { ModelSelect } from './model-select.tsx'
import { useAssistantActions } from './use-assistant-actions.tsx'
import { Versions } from './versions.tsx'
import styles from './assistants.module.css'

/** Words of the parameters that people tune in Chat. */
export type ParameterName = keyof ParameterOverrides

/** What an assistant is made of, edited in place, and its versions. Key by the assistant's id. */
export function AssistantDetails({ assistant }: { readonly assistant: Assistant }) {
  const { t } = useTranslation()
  const { assistants } = useStores()
  const actions = useAssistantActions()
  const navigate = useNavigate()
  const saving = useStore(assistants.saving, (state) => state[assistant.id] ?? null)
  const { id, name, model, version, publishedVersion } = assistant
  const nameTaken = saving?.kind === 'failed' && saving.error.code === 'name_taken'
  return (
    <div className={styles.details}>
      <div className={styles.detailsHead}>
        <h2>{name}</h2>
        <SaveState saving={saving === null || nameTaken ? { kind: 'idle' } : saving} />
      </div>
      <p className={styles.help}>{versionText(t, assistant)}</p>
      <div className={styles.detailsActions}>
        {publishedVersion === version ? (
          <Button size="xs" variant="default" onClick={() => void actions.unpublish(assistant)}>
            {t('assistants.unpublish')}
          </Button>
        ) : (
          <Button size="xs" variant="light" onClick={() => void actions.publish(assistant)}>
            {t('assistants.publishVersion', { version })}
          </Button>
        )}
        <Button size="xs" variant="default" onClick={() => void navigate('/chat', { state: { assistantId: id } })}>
          {t('assistants.try')}
        </Button>
      </div>
      <CallName assistant={assistant} />
      <p className={styles.help}>{t('assistants.editHelp')}</p>
      <NameField assistant={assistant} taken={nameTaken ? errorText(t, saving.error) : null} />
      <ModelSelect value={model} onChange={(next) => void assistants.update(id, { model: next })} />
      <PromptField assistant={assistant} />
      <Parameters parameters={assistant.parameters} />
      <Versions assistant={assistant} />
    </div>
  )
}

function CallName({ assistant }: { readonly assistant: Assistant }) {
  const { t } = useTranslation()
  const called = callName(assistant.name)
  return (
    <div>
      <span className={styles.label}>{t('assistants.callName')}</span>
      <div className={styles.code}>
        <code>{called}</code>
        <CopyButton text={called} label={t('assistants.copyCallName', { name: called })} />
      </div>
      {assistant.publishedVersion === null ? <p className={styles.help}>{t('assistants.callNameDraft')}</p> : null}
    </div>
  )
}

function NameField({ assistant, taken }: { readonly assistant: Assistant; readonly taken: string | null }) {
  const { t } = useTranslation()
  const { assistants } = useStores()
  const isValid = (text: string): boolean => text.trim() !== ''
  const field = useSavedText(
    assistant.name,
    (text) => void assistants.update(assistant.id, { name: text.trim() }),
    isValid,
  )
  return (
    <TextInput
      label={t('assistants.name')}
      maxLength={80}
      autoComplete="off"
      value={field.text}
      error={isValid(field.text) ? taken : t('assistants.nameNeeded')}
      onChange={(event) => field.setText(event.currentTarget.value)}
      onBlur={field.flush}
    />
  )
}

function PromptField({ assistant }: { readonly assistant: Assistant }) {
  const { t, i18n } = useTranslation()
  const { assistants } = useStores()
  const field = useSavedText(
    assistant.systemPrompt,
    (systemPrompt) => void assistants.update(assistant.id, { systemPrompt }),
  )
  const near = field.text.length > MAX_PROMPT_CHARACTERS * 0.9
  return (
    <div>
      <Textarea
        label={t('assistants.systemPrompt')}
        description={t('assistants.systemPromptHelp')}
        autosize
        minRows={6}
        maxRows={18}
        maxLength={MAX_PROMPT_CHARACTERS}
        value={field.text}
        onChange={(event) => field.setText(event.currentTarget.value)}
        onBlur={field.flush}
      />
      {near ? (
        <p className={`${styles.help} sb-numbers`} role="status">
          {t('assistants.characters', {
            count: field.text.length,
            max: number(MAX_PROMPT_CHARACTERS, i18n.language),
          })}
        </p>
      ) : null}
    </div>
  )
}

function Parameters({ parameters }: { readonly parameters: ParameterOverrides }) {
  const { t, i18n } = useTranslation()
  const set = Object.entries(parameters).filter(([, value]) => value !== undefined) as [ParameterName, number][]
  return (
    <div>
      <h3 className={styles.heading}>{t('assistants.parameters')}</h3>
      {set.length === 0 ? (
        <p className={styles.help}>{t('assistants.parametersNone')}</p>
      ) : (
        <dl className={`${styles.parameters} sb-numbers`}>
          {set.map(([name, value]) => (
            <div key={name}>
              <dt>{t(`inspector.${name}`)}</dt>
              <dd>{number(value, i18n.language, 2)}</dd>
            </div>
          ))}
        </dl>
      )}
      <p className={styles.help}>{t('assistants.parametersHelp')}</p>
    </div>
  )
}
