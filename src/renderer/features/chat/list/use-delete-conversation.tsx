import { Button } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { useStores } from '../../../stores/stores.ts'
import { useNotifyFailure } from '../../../ui/notify-failure.ts'
import styles from './undo.module.css'

/** Deletes at once and offers Undo; what is deleted stays stored for 30 days. */
export function useDeleteConversation(): (
  conversation: { readonly id: string; readonly title: string },
  open: boolean,
) => Promise<void> {
  const { t } = useTranslation()
  const { conversations } = useStores()
  const navigate = useNavigate()
  const notifyFailure = useNotifyFailure()
  return async ({ id, title }, open) => {
    if (open) void navigate('/chat')
    try {
      await conversations.remove(id)
    } catch (thrown) {
      notifyFailure(thrown, (reason) => t('chat.deleteFailed', { reason }))
      return
    }
    const notification = `deleted-${id}`
    const undo = async (): Promise<void> => {
      notifications.hide(notification)
      try {
        await conversations.restore(id)
        if (open) void navigate(`/chat/${id}`)
      } catch (thrown) {
        notifyFailure(thrown, (reason) => t('chat.restoreFailed', { reason }))
      }
    }
    notifications.show({
      id: notification,
      autoClose: 10_000,
      withBorder: true,
      closeButtonProps: { 'aria-label': t('app.close') },
      message: (
        <span className={styles.undo}>
          <span className={styles.text}>{t('chat.deleted', { title: title || t('chat.untitled') })}</span>
          <Button size="compact-sm" variant="default" onClick={() => void undo()}>
            {t('app.undo')}
          </Button>
        </span>
      ),
    })
  }
}
