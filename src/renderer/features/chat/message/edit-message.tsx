import { Button } from '@mantine/core'
import { useLayoutEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Message } from '../../../../shared/domain/conversation.ts'
import { editKey } from '../../../lib/drafts.ts'
import { useStores } from '../../../stores/stores.ts'
import { isComposing } from '../composer/composing.ts'
import { isTooLong, LengthNotice } from '../composer/length-notice.tsx'
import styles from './edit-message.module.css'

/** Edits a question; sending adds a version beside the old one, which stays. Leaving the page keeps the edit. */
export function EditMessage({ message, onDone }: { readonly message: Message; readonly onDone: () => void }) {
  const { t } = useTranslation()
  const { chat, drafts } = useStores()
  const key = editKey(message.id)
  const [text, setText] = useState(() => drafts.read(key) || message.content)
  const field = useRef<HTMLTextAreaElement>(null)
  useLayoutEffect(() => field.current?.focus(), [])
  const change = (next: string): void => {
    setText(next)
    drafts.write(key, next === message.content ? '' : next)
  }
  const close = (): void => {
    drafts.write(key, '')
    onDone()
  }
  const canSend = text.trim() !== '' && !isTooLong(text)
  const send = (): void => {
    const next = text.trim()
    if (!canSend) return
    close()
    void chat.send(message.conversationId, next, message.parentId).then((taken) => {
      if (!taken) drafts.giveBack(message.conversationId, next)
    })
  }
  return (
    <div className={styles.edit}>
      <textarea
        ref={field}
        className={styles.field}
        aria-label={t('chat.editLabel')}
        value={text}
        dir="auto"
        aria-invalid={isTooLong(text)}
        onChange={(event) => change(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (isComposing(event)) return
          if (event.key === 'Escape') close()
          else if (event.key === 'Enter' && !event.shiftKey) {
            event.preventDefault()
            send()
          }
        }}
      />
      <LengthNotice text={text} />
      <div className={styles.buttons}>
        <Button size="xs" variant="default" onClick={close}>
          {t('app.cancel')}
        </Button>
        <Button size="xs" disabled={!canSend} onClick={send}>
          {t('chat.resend')}
        </Button>
      </div>
    </div>
  )
}
