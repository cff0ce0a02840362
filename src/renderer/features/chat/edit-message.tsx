import { Button } from '@mantine/core'
import { useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Message } from '../../../shared/domain/conversation.ts'
import { useStores } from '../../stores/stores.ts'
import { isComposing } from './composer.tsx'
import styles from './edit-message.module.css'

/** Edits a question; sending adds a version beside the old one, which stays. */
export function EditMessage({ message, onDone }: { readonly message: Message; readonly onDone: () => void }) {
  const { t } = useTranslation()
  const { chat, drafts } = useStores()
  const [text, setText] = useState(message.content)
  const field = useRef<HTMLTextAreaElement>(null)
  useLayoutEffect(() => field.current?.focus(), [])
  const send = (): void => {
    const next = text.trim()
    if (next === '') return
    onDone()
    void chat.send(message.conversationId, next, message.parentId).then((taken) => {
      if (!taken && drafts.read(message.conversationId) === '') drafts.write(message.conversationId, next)
    })
  }
  return (
    <div className={styles.edit}>
      <textarea
        ref={field}
        className={styles.field}
        aria-label={t('chat.editLabel')}
        value={text}
        maxLength={200_000}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (isComposing(event)) return
          if (event.key === 'Escape') onDone()
          else if (event.key === 'Enter' && !event.shiftKey) {
            event.preventDefault()
            send()
          }
        }}
      />
      <div className={styles.buttons}>
        <Button size="xs" variant="default" onClick={onDone}>{t('app.cancel')}</Button>
        <Button size="xs" disabled={text.trim() === ''} onClick={send}>{t('chat.resend')}</Button>
      </div>
    </div>
  )
}
