import { ActionIcon, Button, Menu, Skeleton, TextInput } from '@mantine/core'
import { IconDots, IconPencil, IconPlus, IconSearch, IconTrash, IconX } from '@tabler/icons-react'
import { memo, useCallback, useRef, useState, type KeyboardEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useNavigate } from 'react-router'
import { useStore } from 'zustand'
import type { ConversationSummary } from '../../../shared/domain/conversation.ts'
import { exactTime, when } from '../../lib/format.ts'
import { useStores } from '../../stores/stores.ts'
import { EmptyState, ErrorNotice } from '../../ui/notice.tsx'
import { useNotifyFailure } from '../../ui/notify-failure.ts'
import { useDeleteConversation } from './use-delete-conversation.tsx'
import styles from './conversation-list.module.css'

/** All conversations, newest first, with search, rename and delete with Undo. */
export function ConversationList({ openId }: { readonly openId: string | undefined }) {
  const { t } = useTranslation()
  const { conversations } = useStores()
  const navigate = useNavigate()
  const list = useStore(conversations.store, (state) => state.list)
  const search = useStore(conversations.store, (state) => state.search)
  return (
    <div className={styles.panel}>
      <div className={styles.top}>
        <Button fullWidth leftSection={<IconPlus size={16} aria-hidden />} onClick={() => void navigate('/chat')}>
          {t('chat.new')}
        </Button>
        <TextInput
          aria-label={t('chat.search')}
          placeholder={t('chat.search')}
          value={search}
          onChange={(event) => void conversations.search(event.currentTarget.value)}
          leftSection={<IconSearch size={16} aria-hidden />}
          rightSection={
            search === '' ? null : (
              <ActionIcon
                variant="subtle"
                color="gray"
                size="sm"
                aria-label={t('chat.clearSearch')}
                onClick={() => void conversations.search('')}
              >
                <IconX size={14} aria-hidden />
              </ActionIcon>
            )
          }
        />
      </div>
      {list.kind === 'failed' ? (
        <div className={styles.notice}>
          <ErrorNotice
            error={list.error}
            lead={t('chat.listFailed')}
            actions={
              <Button size="xs" variant="default" onClick={() => void conversations.load()}>
                {t('app.retry')}
              </Button>
            }
          />
        </div>
      ) : null}
      {list.value === null && list.kind === 'loading' ? (
        <div className={styles.skeletons} aria-busy="true" aria-label={t('app.loading')} role="status">
          {[72, 54, 80, 60].map((width) => (
            <Skeleton key={width} height={14} width={`${width}%`} />
          ))}
        </div>
      ) : null}
      {list.value?.length === 0 && list.kind === 'ready' ? (
        search === '' ? (
          <EmptyState title={t('chat.listEmptyTitle')} text={t('chat.listEmptyText')} />
        ) : (
          <EmptyState title={t('chat.nothingFound', { search })} text={t('chat.nothingFoundText')} />
        )
      ) : null}
      {list.value && list.value.length > 0 ? (
        <ul className={styles.items}>
          {list.value.map((conversation) => (
            <Item key={conversation.id} conversation={conversation} open={conversation.id === openId} />
          ))}
        </ul>
      ) : null}
    </div>
  )
}

const Item = memo(function Item({
  conversation,
  open,
}: {
  readonly conversation: ConversationSummary
  readonly open: boolean
}) {
  const { t, i18n } = useTranslation()
  const { chat } = useStores()
  const [renaming, setRenaming] = useState(false)
  const [near, setNear] = useState(false)
  const writing = useStore(chat.store, (state) => Boolean(state.entries[conversation.id]?.turn))
  const remove = useDeleteConversation()
  const title = conversation.title || t('chat.untitled')
  const renamed = useRef(false)
  const link = useCallback((element: HTMLAnchorElement | null) => {
    // The field took the place of the link; focus goes back to where it was.
    if (element && renamed.current) element.focus()
    renamed.current = false
  }, [])

  if (renaming)
    return (
      <li className={styles.item}>
        <RenameField
          conversation={conversation}
          onDone={() => {
            renamed.current = true
            setRenaming(false)
          }}
        />
      </li>
    )
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'F2') setRenaming(true)
    else if (event.key === 'Delete') {
      const row = event.currentTarget.closest('li')
      ;(row?.nextElementSibling ?? row?.previousElementSibling)?.querySelector('a')?.focus()
      void remove({ id: conversation.id, title }, open)
    } else return
    event.preventDefault()
  }
  return (
    <li className={`${styles.item} ${open ? styles.open : ''}`}>
      <Link
        ref={link}
        onPointerEnter={() => setNear(true)}
        onFocus={() => setNear(true)}
        to={`/chat/${conversation.id}`}
        className={styles.link}
        aria-current={open ? 'page' : undefined}
        onKeyDown={onKeyDown}
      >
        <span className={styles.line}>
          <span className={styles.title}>{title}</span>
          {writing ? <span className={styles.writing} role="img" aria-label={t('chat.replyStarted')} /> : null}
          <time
            className={`${styles.time} sb-numbers`}
            dateTime={new Date(conversation.updatedAt).toISOString()}
            title={exactTime(conversation.updatedAt, i18n.language)}
          >
            {when(conversation.updatedAt, Date.now(), i18n.language)}
          </time>
        </span>
        {conversation.excerpt === null ? null : <span className={styles.excerpt}>{conversation.excerpt}</span>}
      </Link>
      <RowMenu
        title={title}
        wanted={near}
        onNear={() => setNear(true)}
        onRename={() => setRenaming(true)}
        onDelete={() => void remove({ id: conversation.id, title }, open)}
      />
    </li>
  )
})

/** The menu of a row. Hundreds of rows would build hundreds of menus, so it is built once the row is pointed at. */
function RowMenu({
  title,
  wanted,
  onNear,
  onRename,
  onDelete,
}: {
  readonly title: string
  readonly wanted: boolean
  readonly onNear: () => void
  readonly onRename: () => void
  readonly onDelete: () => void
}) {
  const { t } = useTranslation()
  const focused = useRef(false)
  const button = useCallback((element: HTMLButtonElement | null) => {
    // Building the menu replaces the button; focus that was on it stays on it.
    if (element && focused.current) element.focus()
  }, [])
  const control = (
    <ActionIcon
      ref={button}
      className={styles.more ?? ''}
      variant="subtle"
      color="gray"
      aria-label={t('chat.actions', { title })}
      onPointerEnter={onNear}
      onFocus={() => {
        focused.current = true
        onNear()
      }}
      onBlur={() => {
        focused.current = false
      }}
    >
      <IconDots size={16} aria-hidden />
    </ActionIcon>
  )
  if (!wanted) return control
  return (
    <Menu position="bottom-end" width={180}>
      <Menu.Target>{control}</Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconPencil size={16} aria-hidden />} onClick={onRename}>
          {t('chat.rename')}
        </Menu.Item>
        <Menu.Item leftSection={<IconTrash size={16} aria-hidden />} onClick={onDelete}>
          {t('chat.delete')}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}

function RenameField({
  conversation,
  onDone,
}: {
  readonly conversation: ConversationSummary
  readonly onDone: () => void
}) {
  const { t } = useTranslation()
  const { conversations } = useStores()
  const notifyFailure = useNotifyFailure()
  const [title, setTitle] = useState(conversation.title)
  const save = (): void => {
    const next = title.trim()
    onDone()
    if (next !== '' && next !== conversation.title)
      conversations
        .rename(conversation.id, next)
        .catch((thrown: unknown) => notifyFailure(thrown, (reason) => t('chat.renameFailed', { reason })))
  }
  return (
    <TextInput
      className={styles.rename ?? ''}
      aria-label={t('chat.renameLabel')}
      size="xs"
      maxLength={200}
      autoFocus
      value={title}
      onFocus={(event) => event.currentTarget.select()}
      onChange={(event) => setTitle(event.currentTarget.value)}
      onBlur={save}
      onKeyDown={(event) => {
        if (event.nativeEvent.isComposing) return
        if (event.key === 'Enter') save()
        else if (event.key === 'Escape') onDone()
      }}
    />
  )
}
