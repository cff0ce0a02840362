import { Button, Drawer, Skeleton } from '@mantine/core'
import { useDisclosure, useMediaQuery } from '@mantine/hooks'
import { IconFileImport, IconPlus } from '@tabler/icons-react'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate, useParams } from 'react-router'
import { useStore } from 'zustand'
import { useStores } from '../../stores/stores.ts'
import { EmptyState, ErrorNotice } from '../../ui/notice.tsx'
import { PageHeader } from '../../ui/page-header.tsx'
import { PaletteField } from '../../ui/palette-field.tsx'
import { AssistantDetails } from './assistant-details.tsx'
import { AssistantRow } from './assistant-row.tsx'
import { NewAssistant } from './new-assistant.tsx'
import { useAssistantActions } from './use-assistant-actions.tsx'
import styles from './assistants.module.css'

/** Who answers: every assistant with its state for customers; the chosen one in an inspector beside the list. */
export function AssistantsPage() {
  const { t } = useTranslation()
  const { id } = useParams()
  const { assistants, settings } = useStores()
  const defaultId = useStore(settings.store, (state) => state.settings.defaultAssistantId)
  const navigate = useNavigate()
  const state = useStore(assistants.store)
  const [creating, create] = useDisclosure(false)
  const wide = useMediaQuery('(min-width: 1100px)', undefined, { getInitialValueInEffect: false }) ?? false
  const list = state.value ?? []
  const chosen = list.find((assistant) => assistant.id === id) ?? null
  // Beside the list there is room to show one at once.
  const standard = list.find((assistant) => assistant.id === defaultId) ?? list[0] ?? null
  const shown = chosen ?? (wide ? standard : null)
  return (
    <div className={styles.page}>
      <PageHeader title={t('assistants.title')}>
        <div className={styles.paletteField}>
          <PaletteField />
        </div>
        <ImportButton />
        <Button size="xs" leftSection={<IconPlus size={16} aria-hidden />} onClick={create.open}>
          {t('assistants.new')}
        </Button>
      </PageHeader>
      <div className={styles.body}>
        <div className={styles.scroll}>
          <div className={styles.content}>
            <p className={styles.intro}>{t('assistants.intro')}</p>
            {state.kind === 'failed' ? (
              <ErrorNotice
                error={state.error}
                lead={t('assistants.failed')}
                actions={
                  <Button size="xs" variant="default" onClick={() => void assistants.load()}>
                    {t('app.retry')}
                  </Button>
                }
              />
            ) : null}
            {state.value === null && state.kind === 'loading' ? <Loading /> : null}
            {state.kind === 'ready' && list.length === 0 ? (
              <EmptyState title={t('assistants.emptyTitle')} text={t('assistants.emptyText')}>
                <Button onClick={create.open}>{t('assistants.new')}</Button>
              </EmptyState>
            ) : null}
            {list.length > 0 ? (
              <ul className={styles.list} aria-label={t('assistants.list')}>
                {list.map((assistant) => (
                  <AssistantRow key={assistant.id} assistant={assistant} open={assistant.id === shown?.id} />
                ))}
              </ul>
            ) : null}
          </div>
        </div>
        {wide && shown ? (
          <aside className={styles.inspector} aria-label={t('assistants.details', { name: shown.name })}>
            <AssistantDetails key={shown.id} assistant={shown} />
          </aside>
        ) : null}
      </div>
      {wide ? null : (
        <Drawer
          opened={chosen !== null}
          onClose={() => void navigate('/assistants')}
          position="right"
          size={420}
          title={t('assistants.title')}
          closeButtonProps={{ 'aria-label': t('app.close') }}
        >
          {chosen ? <AssistantDetails key={chosen.id} assistant={chosen} /> : null}
        </Drawer>
      )}
      <NewAssistant opened={creating} onClose={create.close} />
    </div>
  )
}

function Loading() {
  return (
    <div className={styles.skeleton} aria-hidden>
      {[0, 1, 2].map((row) => (
        <Skeleton key={row} height={64} mb={8} />
      ))}
    </div>
  )
}

function ImportButton() {
  const { t } = useTranslation()
  const { importFile } = useAssistantActions()
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <Button
        className={styles.importButton ?? ''}
        size="xs"
        variant="default"
        leftSection={<IconFileImport size={16} aria-hidden />}
        aria-label={t('assistants.import')}
        onClick={() => input.current?.click()}
      >
        <span className={styles.importText}>{t('assistants.import')}</span>
      </Button>
      <input
        ref={input}
        type="file"
        accept="application/json,.json"
        hidden
        aria-label={t('assistants.import')}
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? []
          // Chosen again, the same file is a change again.
          event.currentTarget.value = ''
          if (file) void importFile(file)
        }}
      />
    </>
  )
}
