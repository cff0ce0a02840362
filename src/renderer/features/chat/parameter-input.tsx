import { Button, TextInput } from '@mantine/core'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { number } from '../../lib/format.ts'
import { parseParameter, type ParameterField } from './parameter-fields.ts'
import styles from './parameter-input.module.css'

interface ParameterInputProps {
  readonly field: ParameterField
  readonly value: number | undefined
  readonly presetValue: number | undefined
  readonly onChange: (value: number | undefined) => void
}

/** One sampling parameter: validated in the field, saved when left, with its default and the way back to it. */
export function ParameterInput({ field, value, presetValue, onChange }: ParameterInputProps) {
  const { t, i18n } = useTranslation()
  const { name, min, max, whole } = field
  const [text, setText] = useState(value === undefined ? '' : String(value))
  useEffect(() => setText(value === undefined ? '' : String(value)), [value])
  const parsed = parseParameter(name, text)
  const range = t(whole ? 'drawer.rangeWhole' : 'drawer.range', {
    min: number(min, i18n.language, 2),
    max: number(max, i18n.language, 2),
  })
  const standard = presetValue === undefined ? t('drawer.modelsOwn') : number(presetValue, i18n.language, 2)
  const changed = value !== presetValue
  const save = (): void => {
    if (parsed.kind === 'value' && parsed.value !== value) onChange(parsed.value)
    else if (parsed.kind === 'empty' && value !== undefined) onChange(undefined)
  }
  return (
    <div>
      <TextInput
        label={t(`drawer.${name}`)}
        description={t(`drawer.${name}Help`)}
        inputMode={whole ? 'numeric' : 'decimal'}
        placeholder={t('drawer.modelDefault', { value: standard })}
        value={text}
        error={parsed.kind === 'invalid' ? range : null}
        onChange={(event) => setText(event.currentTarget.value)}
        onBlur={save}
        onKeyDown={(event) => {
          if (event.key === 'Enter') save()
        }}
        classNames={{ input: 'sb-numbers' }}
      />
      {changed ? (
        <div className={styles.changed}>
          <span>
            {t(presetValue === undefined ? 'drawer.modelDefault' : 'drawer.presetDefault', { value: standard })}
          </span>
          <Button variant="subtle" size="compact-xs" onClick={() => onChange(presetValue)}>
            {t('drawer.back', { value: standard })}
          </Button>
        </div>
      ) : null}
    </div>
  )
}
