import { ActionIcon, Menu } from '@mantine/core'
import { IconDots, IconPencil, IconTrash } from '@tabler/icons-react'
import { memo } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { useStore } from 'zustand'
import type { ConversationSummary } from '../../../../shared/domain/conversation.ts'
import { exactTime, timeOfDay, when } from '../../../lib/format.ts'
import { useStores } from '../../../stores/stores.ts'
import { Highlighted } from './highlighted.tsx'
import { RenameField } from './rename-field.tsx'
import styles from './conversation-list.module.css'

/** What a row can ask of its list. Never changes, so that rows render only when they themselves change. */
export interface RowActions {
  rename(id: string | null): void
  remove(conversation: ConversationSummary): void
  openMenu(id: string | null): void
}

interface ConversationRowProps {
  readonly conversation: ConversationSummary
  readonly search: string
  readonly isOpen: boolean
  /** The one row of the list that Tab stops at. */
  readonly isTabStop: boolean
  readonly isRenaming: boolean
  readonly hasMenuOpen: boolean
  readonly actions: RowActions
}

/** One conversation: its title, where a search matched, and what can be done with it. */
export const ConversationRow = memo(function ConversationRow(props: ConversationRowProps) {
  const { conversation, search, isOpen, isTabStop, isRenaming, hasMenuOpen, actions } = props
  const { t, i18n } = useTranslation()
  const { chat } = useStores()
  const { id, updatedAt, excerpt, matchedMessageId } = conversation
  const writing = useStore(chat.store, (state) => Boolean(state.entries[id]?.turn))
  if (isRenaming) return <RenameField conversation={conversation} onDone={() => actions.rename(null)} />
  const title = conversation.title || t('chat.untitled')
  return (
    <div className={`${styles.row} ${isOpen ? styles.open : ''}`}>
      <Link
        to={`/chat/${id}`}
        state={matchedMessageId === null ? null : { messageId: matchedMessageId, text: search }}
        className={styles.link}
        data-row={id}
        tabIndex={isTabStop ? 0 : -1}
        aria-current={isOpen ? 'page' : undefined}
        aria-keyshortcuts="F2 Delete"
      >
        <span className={styles.line}>
          <span className={styles.title} dir="auto">
            <Highlighted text={title} search={search} />
          </span>
          {writing ? <span className={styles.writing} role="img" aria-label={t('chat.replyStarted')} /> : null}
          <time
            className={`${styles.time} sb-numbers`}
            dateTime={new Date(updatedAt).toISOString()}
            title={exactTime(updatedAt, i18n.language)}
          >
            {search === '' ? timeOfDay(updatedAt, i18n.language) : when(updatedAt, Date.now(), i18n.language)}
          </time>
        </span>
        {excerpt === null ? null : (
          <span className={styles.excerpt} dir="auto">
            <Highlighted text={excerpt} search={search} />
          </span>
        )}
      </Link>
      <Menu
        position="bottom-end"
        width={200}
        opened={hasMenuOpen}
        onChange={(opened) => actions.openMenu(opened ? id : null)}
      >
        <Menu.Target>
          <ActionIcon
            className={styles.more ?? ''}
            variant="subtle"
            color="gray"
            tabIndex={-1}
            aria-label={t('chat.actions', { title })}
          >
            <IconDots size={16} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            leftSection={<IconPencil size={16} aria-hidden />}
            rightSection={<kbd className={styles.key}>F2</kbd>}
            onClick={() => actions.rename(id)}
          >
            {t('chat.rename')}
          </Menu.Item>
          <Menu.Item
            leftSection={<IconTrash size={16} aria-hidden />}
            rightSection={<kbd className={styles.key}>{t('chat.deleteKey')}</kbd>}
            onClick={() => actions.remove(conversation)}
          >
            {t('chat.delete')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </div>
  )
})
