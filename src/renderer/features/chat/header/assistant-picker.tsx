import { Combobox, useCombobox } from '@mantine/core'
import { IconCheck, IconSettings } from '@tabler/icons-react'
import { useEffect, useState, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { useStore } from 'zustand'
import { callName } from '../../../../shared/domain/assistant.ts'
import type { ModelSummary } from '../../../../shared/domain/model.ts'
import { bytes } from '../../../lib/format.ts'
import { useStores } from '../../../stores/stores.ts'
import { answererOf, readinessOf, type Catalog, type Choice } from './answerer.ts'
import { useCatalog, useChoice, useChoose } from './use-answerer.ts'
import styles from './assistant-picker.module.css'

interface AssistantPickerProps {
  readonly id: string | undefined
  /** The button that opens the picker. */
  readonly children: (toggle: () => void) => ReactNode
}

/** A row of the picker: an assistant, or a model without one. */
interface PickerRow {
  readonly value: string
  readonly choice: Choice
  readonly name: string
  /** null: the model of the assistant is gone. */
  readonly model: ModelSummary | null
  readonly modelName: string
  /** Alt and this digit choose the row. */
  readonly digit: number | null
}

/** Chooses what answers from the next message on: an assistant, or a model without one. */
export function AssistantPicker({ id, children }: AssistantPickerProps) {
  const { t } = useTranslation()
  const catalog = useCatalog()
  const choice = useChoice(id)
  const choose = useChoose(id)
  const [search, setSearch] = useState('')
  const combobox = useCombobox({
    onDropdownClose: () => {
      setSearch('')
      combobox.resetSelectedOption()
      combobox.focusTarget()
    },
    onDropdownOpen: () => combobox.focusSearchInput(),
  })
  // Typing and Enter is enough: the first hit is chosen.
  const { selectFirstOption } = combobox
  useEffect(() => {
    if (search !== '') selectFirstOption()
  }, [search, selectFirstOption])
  const assistants = catalog ? rowsOf(assistantRows(catalog), search) : []
  const models = catalog ? rowsOf(modelRows(catalog), search) : []
  const chosen = choice && catalog ? valueOf(choice, catalog) : null
  const submit = (value: string): void => {
    const row = [...assistants, ...models].find((candidate) => candidate.value === value)
    if (row) choose(row.choice)
    combobox.closeDropdown()
  }
  return (
    <Combobox
      store={combobox}
      keepMounted={false}
      width={320}
      position="bottom-start"
      shadow="md"
      onOptionSubmit={submit}
    >
      <Combobox.Target targetType="button">{children(() => combobox.toggleDropdown())}</Combobox.Target>
      <Combobox.Dropdown className={styles.dropdown ?? ''}>
        <div role="dialog" aria-label={t('picker.label')}>
          <Combobox.Search
            value={search}
            aria-label={t('picker.search')}
            placeholder={t('picker.search')}
            onChange={(event) => setSearch(event.currentTarget.value)}
          />
          <Combobox.Options className={styles.options ?? ''} aria-label={t('picker.label')}>
            {assistants.length > 0 ? (
              <Combobox.Group label={t('picker.assistants')}>
                {assistants.map((row) => (
                  <Row key={row.value} row={row} chosen={row.value === chosen} />
                ))}
              </Combobox.Group>
            ) : null}
            {models.length > 0 ? (
              <Combobox.Group label={t('picker.models')}>
                {models.map((row) => (
                  <Row key={row.value} row={row} chosen={row.value === chosen} />
                ))}
              </Combobox.Group>
            ) : null}
            {assistants.length + models.length === 0 ? (
              <Combobox.Empty>{catalog ? t('picker.nothingFound', { search }) : t('app.loading')}</Combobox.Empty>
            ) : null}
          </Combobox.Options>
          <Combobox.Footer className={styles.footer ?? ''}>
            <Link to="/assistants" className={styles.manage} onClick={() => combobox.closeDropdown()}>
              <IconSettings size={14} aria-hidden />
              {t('picker.manage')}
            </Link>
          </Combobox.Footer>
        </div>
      </Combobox.Dropdown>
    </Combobox>
  )
}

function Row({ row, chosen }: { readonly row: PickerRow; readonly chosen: boolean }) {
  const { t, i18n } = useTranslation()
  const { status } = useStores()
  const readiness = useStore(status.store, (state) =>
    row.model === null ? 'failed' : readinessOf(row.model, state.status),
  )
  return (
    <Combobox.Option value={row.value} active={chosen} className={styles.option ?? ''}>
      <span className={`${styles.dot} ${styles[readiness]}`} aria-hidden />
      <span className={styles.text}>
        <span className={styles.name} dir="auto">
          {row.name}
        </span>
        <span className={`${styles.detail} sb-numbers`}>
          {row.model === null
            ? t('picker.modelGone', { name: row.modelName })
            : [
                ...(row.name === row.modelName ? [] : [row.modelName]),
                row.model.precision.toUpperCase(),
                bytes(row.model.bytes, i18n.language),
                t(`picker.${readiness}`),
              ].join(' · ')}
        </span>
      </span>
      {row.digit === null ? null : <kbd className={styles.key}>Alt {row.digit}</kbd>}
      {chosen ? <IconCheck size={16} aria-label={t('picker.chosen')} /> : <span className={styles.noCheck} />}
    </Combobox.Option>
  )
}

function assistantRows(catalog: Catalog): readonly PickerRow[] {
  return catalog.assistants.map((assistant, index) => {
    const choice: Choice = { assistantId: assistant.id, model: null }
    const answerer = answererOf(choice, catalog)
    const model = answerer.kind === 'assistant' ? answerer.model : null
    return {
      value: `assistant ${assistant.id}`,
      choice,
      name: assistant.name,
      model,
      modelName: model?.name ?? assistant.model ?? catalog.defaultModel,
      digit: index < 9 ? index + 1 : null,
    }
  })
}

function modelRows(catalog: Catalog): readonly PickerRow[] {
  return catalog.models.map((model) => ({
    value: `model ${model.name}`,
    choice: { assistantId: null, model: model.name },
    name: model.name,
    model,
    modelName: model.name,
    digit: null,
  }))
}

function rowsOf(rows: readonly PickerRow[], search: string): readonly PickerRow[] {
  const wanted = callName(search)
  return rows.filter(({ name, modelName }) => callName(name).includes(wanted) || callName(modelName).includes(wanted))
}

function valueOf(choice: Choice, catalog: Catalog): string | null {
  const answerer = answererOf(choice, catalog)
  switch (answerer.kind) {
    case 'assistant':
      return `assistant ${answerer.assistant.id}`
    case 'model':
      return `model ${answerer.model.name}`
    case 'assistant gone':
    case 'model gone':
      return null
  }
}
