import { Button, TextInput } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { number } from '../../../lib/format.ts'
import { parseParameter, type ParameterField } from './parameter-fields.ts'
import type { Form } from './use-form.ts'
import styles from './parameter-input.module.css'

interface ParameterInputProps {
  readonly field: ParameterField
  readonly form: Form
  /** Over the page, the drawer gives the focus to the field that is marked. */
  readonly takesFocus: boolean
  /** What customers get; null where customers get nothing else, so that the model's own value is the one to go back to. */
  readonly published: { readonly value: number | undefined } | null
}

/** One sampling parameter: checked in the field, stored when it is left, with its default and the way back to it. */
export function ParameterInput({ field, form, takesFocus, published }: ParameterInputProps) {
  const { t, i18n } = useTranslation()
  const { name, min, max, whole } = field
  const text = form.texts[name]
  const parsed = parseParameter(name, text)
  const range = t(whole ? 'inspector.rangeWhole' : 'inspector.range', {
    min: number(min, i18n.language, 2),
    max: number(max, i18n.language, 2),
  })
  const wayBack = published?.value
  const standard = wayBack === undefined ? t('inspector.modelsOwn') : number(wayBack, i18n.language, 2)
  const changed =
    parsed.kind === 'value' ? parsed.value !== wayBack : parsed.kind === 'invalid' || wayBack !== undefined
  return (
    <div>
      <TextInput
        id={`parameter-${name}`}
        {...(takesFocus ? { 'data-autofocus': true } : {})}
        label={t(`inspector.${name}`)}
        description={t(`inspector.${name}Help`)}
        inputMode={whole ? 'numeric' : 'decimal'}
        placeholder={t('inspector.default', { value: t('inspector.modelsOwn') })}
        value={text}
        error={parsed.kind === 'invalid' ? range : null}
        onChange={(event) => form.set(name, event.currentTarget.value, 'leaving')}
        onBlur={() => void form.saveNow()}
        onKeyDown={(event) => {
          if (event.key === 'Enter') void form.saveNow()
        }}
        classNames={{ input: 'sb-numbers' }}
      />
      {changed ? (
        <div className={styles.changed}>
          <span>{t(published ? 'inspector.customersGetValue' : 'inspector.default', { value: standard })}</span>
          <Button
            variant="subtle"
            size="compact-xs"
            onClick={() => {
              form.set(name, wayBack === undefined ? '' : String(wayBack), 'leaving')
              void form.saveNow()
            }}
          >
            {t('inspector.back', { value: standard })}
          </Button>
        </div>
      ) : null}
    </div>
  )
}
