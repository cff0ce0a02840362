import { ActionIcon, Tooltip } from '@mantine/core'
import { IconAdjustmentsHorizontal, IconChevronDown, IconLayoutSidebar, IconPlus } from '@tabler/icons-react'
import type { TFunction } from 'i18next'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { AssistantPicker } from './assistant-picker.tsx'
import type { Answerer } from './answerer.ts'
import { useAnswerer } from './use-answerer.ts'
import styles from './chat-header.module.css'

interface ChatHeaderProps {
  readonly id: string | undefined
  readonly title: string | null
  readonly inspectorOpen: boolean
  readonly onShowList: () => void
  readonly onToggleInspector: () => void
}

/** Title of the conversation, what answers in it, and the way to its instructions. */
export function ChatHeader({ id, title, inspectorOpen, onShowList, onToggleInspector }: ChatHeaderProps) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const { name, detail, missing } = answererWords(useAnswerer(id), t)
  return (
    <header className={styles.header}>
      <div className={styles.narrowOnly}>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('chat.showList')} onClick={onShowList}>
          <IconLayoutSidebar size={18} aria-hidden />
        </ActionIcon>
      </div>
      <div className={styles.names}>
        <h1 id="chat-heading" className={styles.title} dir="auto" title={title ?? undefined}>
          {title || t('chat.untitled')}
        </h1>
        <AssistantPicker id={id}>
          {(toggle) => (
            <button type="button" className={styles.picker} onClick={toggle}>
              <span className="sb-hidden">{t('picker.label')}: </span>
              <span className={`${styles.name} ${missing ? styles.missing : ''}`} dir="auto">
                {name}
              </span>
              <IconChevronDown size={14} aria-hidden className={styles.chevron} />
              <span className={styles.detail}>{detail}</span>
            </button>
          )}
        </AssistantPicker>
      </div>
      <div className={styles.actions}>
        <div className={styles.narrowOnly}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="lg"
            aria-label={t('chat.new')}
            onClick={() => void navigate('/chat')}
          >
            <IconPlus size={18} aria-hidden />
          </ActionIcon>
        </div>
        <Tooltip label={t('chat.instructions')}>
          <ActionIcon
            id="inspector-toggle"
            variant={inspectorOpen ? 'light' : 'subtle'}
            color="gray"
            size="lg"
            aria-label={t('chat.instructions')}
            aria-expanded={inspectorOpen}
            onClick={onToggleInspector}
          >
            <IconAdjustmentsHorizontal size={18} aria-hidden />
          </ActionIcon>
        </Tooltip>
      </div>
    </header>
  )
}

function answererWords(answerer: Answerer | null, t: TFunction) {
  switch (answerer?.kind) {
    case undefined:
      return { name: '…', detail: '', missing: false }
    case 'assistant': {
      const { assistant, model } = answerer
      return { name: assistant.name, detail: `${model.name} · ${model.precision.toUpperCase()}`, missing: false }
    }
    case 'model':
      return {
        name: t('picker.noAssistant'),
        detail: `${answerer.model.name} · ${answerer.model.precision.toUpperCase()}`,
        missing: false,
      }
    case 'assistant gone':
      return { name: t('picker.assistantGone'), detail: t('picker.chooseAnother'), missing: true }
    case 'model gone':
      return {
        name: answerer.assistant?.name ?? t('picker.noAssistant'),
        detail: t('picker.modelGone', { name: answerer.name }),
        missing: true,
      }
  }
}
