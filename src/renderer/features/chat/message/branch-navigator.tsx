import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { useStores } from '../../../stores/stores.ts'
import { useNotifyFailure } from '../../../ui/notify-failure.ts'
import { Action } from './action.tsx'
import type { MessageVersions } from '../../../lib/branches.ts'
import styles from './branch-navigator.module.css'

interface BranchNavigatorProps {
  readonly conversationId: string
  readonly versions: MessageVersions
  readonly busy: boolean
}

/** ‹ 2/3 ›: walks through the versions of a message. */
export function BranchNavigator({ conversationId, versions, busy }: BranchNavigatorProps) {
  const { t } = useTranslation()
  const { chat } = useStores()
  const notifyFailure = useNotifyFailure()
  const { number, count, previousId, nextId } = versions
  const show = (id: string | null): void => {
    if (id !== null) chat.showBranch(conversationId, id).catch(notifyFailure)
  }
  return (
    <span className={styles.navigator} role="group" aria-label={t('chat.version', { index: number, count })}>
      <Action label={t('chat.previousVersion')} disabled={busy || previousId === null} onClick={() => show(previousId)}>
        <IconChevronLeft size={14} aria-hidden />
      </Action>
      <span className="sb-numbers" aria-hidden>
        {number}/{count}
      </span>
      <Action label={t('chat.nextVersion')} disabled={busy || nextId === null} onClick={() => show(nextId)}>
        <IconChevronRight size={14} aria-hidden />
      </Action>
    </span>
  )
}
