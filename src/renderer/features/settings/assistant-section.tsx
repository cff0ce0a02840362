import { Button, Select } from '@mantine/core'
import { useId } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { useStore } from 'zustand'
import { useStores } from '../../stores/stores.ts'
import { Row, Section } from './section.tsx'
import styles from './settings.module.css'

/** Which assistant new conversations start with, and programs get that name nothing. */
export function AssistantSection() {
  const { t } = useTranslation()
  const { settings, assistants } = useStores()
  const navigate = useNavigate()
  const value = useStore(settings.store, (state) => state.settings.defaultAssistantId)
  const list = useStore(assistants.store, (state) => state.value) ?? []
  const id = useId()
  return (
    <Section
      title={t('settings.assistants')}
      help={t('settings.assistantsHelp')}
      action={
        <Button size="xs" variant="default" onClick={() => void navigate('/assistants')}>
          {t('settings.assistantsManage')}
        </Button>
      }
    >
      <Row label={t('settings.defaultAssistant')} htmlFor={id}>
        <Select
          id={id}
          className={styles.select ?? ''}
          allowDeselect={false}
          value={list.some((assistant) => assistant.id === value) ? value : null}
          placeholder={list.length > 0 ? t('settings.keyAssistantGone') : ''}
          onChange={(next) => {
            if (next !== null) void settings.update({ defaultAssistantId: next })
          }}
          data={list.map((assistant) => ({ value: assistant.id, label: assistant.name }))}
        />
      </Row>
    </Section>
  )
}
