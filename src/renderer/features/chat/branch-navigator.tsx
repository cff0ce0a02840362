import { ActionIcon } from '@mantine/core'
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Message } from '../../../shared/domain/conversation.ts'
import { siblingsOf } from '../../lib/branches.ts'
import { useStores } from '../../stores/stores.ts'
import { useNotifyFailure } from '../../ui/notify-failure.ts'
import styles from './branch-navigator.module.css'

/** ‹ 2/3 ›: walks through the versions of a message. Nothing is shown where there is only one. */
export function BranchNavigator({
  message,
  all,
  busy,
}: {
  readonly message: Message
  readonly all: readonly Message[]
  readonly busy: boolean
}) {
  const { t } = useTranslation()
  const { chat } = useStores()
  const notifyFailure = useNotifyFailure()
  const { ids, index } = useMemo(() => siblingsOf(all, message), [all, message])
  if (ids.length < 2) return null
  const show = (id: string | undefined): void => {
    if (id !== undefined) chat.showBranch(message.conversationId, id).catch(notifyFailure)
  }
  return (
    <span
      className={styles.navigator}
      role="group"
      aria-label={t('chat.version', { index: index + 1, count: ids.length })}
    >
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        aria-label={t('chat.previousVersion')}
        disabled={busy || index <= 0}
        onClick={() => show(ids[index - 1])}
      >
        <IconChevronLeft size={14} aria-hidden />
      </ActionIcon>
      <span className="sb-numbers" aria-hidden>
        {index + 1}/{ids.length}
      </span>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="sm"
        aria-label={t('chat.nextVersion')}
        disabled={busy || index >= ids.length - 1}
        onClick={() => show(ids[index + 1])}
      >
        <IconChevronRight size={14} aria-hidden />
      </ActionIcon>
    </span>
  )
}
