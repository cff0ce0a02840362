import { Select } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { useStores } from '../../stores/stores.ts'

/** Mantine's Select has no null among its values. */
const byDefault = ''

/** The model of an assistant: one by name, or whatever the default is. A model that is gone stays chosen and says so. */
export function ModelSelect({
  value,
  onChange,
}: {
  readonly value: string | null
  readonly onChange: (model: string | null) => void
}) {
  const { t } = useTranslation()
  const { models, settings } = useStores()
  const list = useStore(models.store, (state) => state.value)
  const standard = useStore(settings.store, (state) => state.settings.defaultModel)
  const gone = value !== null && list !== null && !list.some(({ name }) => name === value)
  return (
    <Select
      label={t('assistants.model')}
      allowDeselect={false}
      value={value ?? byDefault}
      error={gone ? t('assistants.modelGone', { name: value }) : null}
      onChange={(next) => onChange(next === byDefault ? null : next)}
      data={[
        { value: byDefault, label: t('assistants.modelDefaultName', { name: standard }) },
        ...(list ?? []).map(({ name }) => ({ value: name, label: name })),
        ...(gone ? [{ value, label: t('assistants.modelGoneShort', { name: value }) }] : []),
      ]}
    />
  )
}
