import { Button } from '@mantine/core'
import { IconPencil, IconPlayerTrackNext, IconRefresh } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Message } from '../../../../shared/domain/conversation.ts'
import type { SerialisedError } from '../../../../shared/errors/switchboard-error.ts'
import { number } from '../../../lib/format.ts'
import { useStores } from '../../../stores/stores.ts'
import { ErrorNotice, Notice } from '../../../ui/notice.tsx'
import { useChatContext } from '../chat-context.ts'
import { ChooseAnother } from '../header/choose-another.tsx'
import styles from './message-item.module.css'

interface EndingProps {
  readonly message: Message
  readonly busy: boolean
  readonly onRetry: () => void
}

/** Why a reply is not complete, in words, and the way on. */
export function Ending({ message, busy, onRetry }: EndingProps) {
  const { t, i18n } = useTranslation()
  const { chat } = useStores()
  const { openInspector } = useChatContext()
  const { conversationId, state, receipt } = message
  const retry = (
    <Button
      size="xs"
      variant="default"
      disabled={busy}
      leftSection={<IconRefresh size={14} aria-hidden />}
      onClick={onRetry}
    >
      {t('app.retry')}
    </Button>
  )
  const goOn = (
    <Button
      size="xs"
      variant="default"
      disabled={busy}
      leftSection={<IconPlayerTrackNext size={14} aria-hidden />}
      onClick={() => void chat.continue(conversationId, message.id)}
    >
      {t('chat.continue')}
    </Button>
  )
  switch (state.kind) {
    case 'complete':
      if (receipt?.finishReason === 'length')
        return (
          <div className={styles.ending}>
            <Notice
              kind="amber"
              actions={
                <>
                  {goOn}
                  <Button size="xs" variant="default" onClick={() => openInspector('maxTokens')}>
                    {t('chat.allowLonger')}
                  </Button>
                </>
              }
            >
              {t('chat.cutOff', {
                count: receipt.completionTokens,
                value: number(receipt.completionTokens, i18n.language),
              })}
            </Notice>
          </div>
        )
      return message.content === '' ? <Notice kind="plain">{t('chat.emptyReply')}</Notice> : null
    case 'stopped':
      return (
        <div className={styles.ending}>
          <Notice
            kind="plain"
            actions={
              <>
                {message.content === '' ? null : goOn}
                {retry}
              </>
            }
          >
            {t('chat.stopped')}
          </Notice>
        </div>
      )
    case 'interrupted':
      return (
        <div className={styles.ending}>
          <Interrupted message={message} error={state.error} retry={retry} busy={busy} />
        </div>
      )
    case 'streaming':
      return (
        <div className={styles.ending}>
          <Notice
            kind="plain"
            actions={
              <Button size="xs" variant="default" onClick={() => void chat.refresh(conversationId)}>
                {t('chat.refresh')}
              </Button>
            }
          >
            {t('chat.elsewhere')}
          </Notice>
        </div>
      )
  }
}

/** An error with the way on that helps: another answerer, a shorter question, or simply again. */
function Interrupted({
  message,
  error,
  retry,
  busy,
}: {
  readonly message: Message
  readonly error: SerialisedError
  readonly retry: ReactNode
  readonly busy: boolean
}) {
  const { t, i18n } = useTranslation()
  const { editRequest } = useChatContext()
  if (error.code === 'context_length_exceeded') {
    const { promptTokens, contextLength } = error.details ?? {}
    const counts =
      typeof promptTokens === 'number' && typeof contextLength === 'number'
        ? t('chat.doesNotFit', {
            tokens: number(promptTokens, i18n.language),
            limit: number(contextLength, i18n.language),
          })
        : undefined
    const edit = (
      <Button
        size="xs"
        variant="default"
        disabled={busy}
        leftSection={<IconPencil size={14} aria-hidden />}
        onClick={() => editRequest.setState({ messageId: message.parentId })}
      >
        {t('chat.editQuestion')}
      </Button>
    )
    return <ErrorNotice error={error} {...(counts === undefined ? {} : { lead: counts })} actions={edit} live={false} />
  }
  const isGone = error.code === 'model_not_found' || error.code === 'assistant_not_found'
  return (
    <ErrorNotice
      error={error}
      lead={t('chat.interrupted')}
      actions={
        isGone ? (
          <>
            <ChooseAnother id={message.conversationId} />
            {retry}
          </>
        ) : (
          retry
        )
      }
      live={false}
    />
  )
}
