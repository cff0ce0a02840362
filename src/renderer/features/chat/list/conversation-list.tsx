import { Button, Skeleton } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { useStore } from 'zustand'
import { useStores } from '../../../stores/stores.ts'
import { EmptyState, ErrorNotice } from '../../../ui/notice.tsx'
import { PaletteField } from '../../../ui/palette-field.tsx'
import { ConversationRows } from './conversation-rows.tsx'
import { ConversationSearch } from './conversation-search.tsx'
import styles from './conversation-list.module.css'

/** All conversations, most recently used first, with search, rename and delete with Undo. */
export function ConversationList({ openId }: { readonly openId: string | undefined }) {
  const { t } = useTranslation()
  const { conversations } = useStores()
  const navigate = useNavigate()
  const list = useStore(conversations.store, (state) => state.list)
  const search = useStore(conversations.store, (state) => state.search)
  const loadingMore = useStore(conversations.store, (state) => state.loadingMore)
  const focusList = useRef<() => void>(() => undefined)
  return (
    <div className={styles.panel}>
      <div className={styles.top}>
        <PaletteField />
        <Button fullWidth leftSection={<IconPlus size={16} aria-hidden />} onClick={() => void navigate('/chat')}>
          {t('chat.new')}
        </Button>
        <ConversationSearch onArrowDown={() => focusList.current()} />
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
        <ConversationRows rows={list.value} openId={openId} focusList={focusList} />
      ) : null}
      {loadingMore ? (
        <div className={styles.fetching} role="status">
          {t('chat.loadingMore')}
        </div>
      ) : null}
    </div>
  )
}
