import { Button, Select, Textarea, TextInput } from '@mantine/core'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { MAX_PROMPT_CHARACTERS } from '../../../../shared/contracts/console.ts'
import type { AssistantValues } from '../../../../shared/domain/assistant.ts'
import { number } from '../../../lib/format.ts'
import { useCatalog } from '../header/use-answerer.ts'
import type { FieldFocus } from './form-values.ts'
import { parameterFields } from './parameter-fields.ts'
import { ParameterInput } from './parameter-input.tsx'
import type { Form } from './use-form.ts'
import styles from './inspector.module.css'

/** Fields shown before "More parameters". */
const COMMON_FIELDS = 3
/** Stands for "the default model" in the select, which has no empty value. */
const DEFAULT_MODEL = ' default'

interface FormFieldsProps {
  readonly form: Form
  readonly named: boolean
  /** What customers get, where that differs from what is tuned; null otherwise. */
  readonly published: AssistantValues | null
  readonly focus: FieldFocus | null
}

/** Name, model, instructions and parameters. */
export function FormFields({ form, named, published, focus }: FormFieldsProps) {
  const { t, i18n } = useTranslation()
  const { texts, state } = form
  const [more, setMore] = useState(false)
  const nameError = form.invalid.has('name')
    ? t('inspector.nameInvalid')
    : state.kind === 'failed' && state.error.code === 'name_taken'
      ? t('errors.name_taken')
      : null
  useEffect(() => {
    if (focus?.field) document.getElementById(`parameter-${focus.field}`)?.focus()
  }, [focus])
  const tooLong = form.invalid.has('systemPrompt')
    ? t('inspector.promptTooLong', {
        limit: number(MAX_PROMPT_CHARACTERS, i18n.language),
        length: number(texts.systemPrompt.length, i18n.language),
      })
    : null
  return (
    <>
      {named ? (
        <TextInput
          label={t('inspector.name')}
          value={texts.name}
          maxLength={80}
          error={nameError}
          onChange={(event) => form.set('name', event.currentTarget.value)}
          onBlur={() => void form.saveNow()}
        />
      ) : null}
      <ModelSelect form={form} />
      <div>
        <Textarea
          label={t('inspector.systemPrompt')}
          description={t('inspector.systemPromptHelp')}
          autosize
          minRows={5}
          maxRows={14}
          dir="auto"
          value={texts.systemPrompt}
          error={tooLong}
          onChange={(event) => form.set('systemPrompt', event.currentTarget.value)}
          onBlur={() => void form.saveNow()}
        />
        {published && texts.systemPrompt !== published.systemPrompt ? (
          <Button
            variant="subtle"
            size="compact-xs"
            mt={4}
            onClick={() => {
              form.set('systemPrompt', published.systemPrompt)
              void form.saveNow()
            }}
          >
            {t('inspector.backToPublished')}
          </Button>
        ) : null}
      </div>
      <h3 className={styles.heading}>{t('inspector.parameters')}</h3>
      {(more ? parameterFields : parameterFields.slice(0, COMMON_FIELDS)).map((field) => (
        <ParameterInput
          key={field.name}
          field={field}
          form={form}
          takesFocus={focus?.field === field.name}
          published={published && { value: published.parameters[field.name] }}
        />
      ))}
      <Button variant="subtle" size="xs" aria-expanded={more} onClick={() => setMore(!more)}>
        {more ? t('inspector.fewer') : t('inspector.more')}
      </Button>
    </>
  )
}

function ModelSelect({ form }: { readonly form: Form }) {
  const { t } = useTranslation()
  const catalog = useCatalog()
  const { model } = form.texts
  const models = catalog?.models ?? []
  const isGone = catalog !== null && model !== '' && !models.some(({ name }) => name === model)
  return (
    <Select
      label={t('inspector.model')}
      allowDeselect={false}
      value={model === '' ? DEFAULT_MODEL : model}
      error={isGone ? t('picker.modelGone', { name: model }) : null}
      data={[
        { value: DEFAULT_MODEL, label: t('inspector.defaultModel', { name: catalog?.defaultModel ?? '…' }) },
        ...models.map(({ name, precision }) => ({ value: name, label: `${name} · ${precision.toUpperCase()}` })),
        ...(isGone ? [{ value: model, label: model }] : []),
      ]}
      onChange={(value) => {
        form.set('model', value === null || value === DEFAULT_MODEL ? '' : value, 'leaving')
        void form.saveNow()
      }}
    />
  )
}
