import type { TFunction } from 'i18next'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Message } from '../../../../shared/domain/conversation.ts'
import { errorText } from '../../../lib/error-text.ts'
import { number } from '../../../lib/format.ts'
import { announceable } from '../../../lib/sentences.ts'
import { useStores } from '../../../stores/stores.ts'

/** How far a reply was announced. */
interface Announced {
  readonly messageId: string
  readonly text: string
  readonly upTo: number
}

/** Tells a screen reader about the reply sentence by sentence, never token by token. Nothing is shown. */
export function Announcer({ id }: { readonly id: string }) {
  const { t, i18n } = useTranslation()
  const { chat } = useStores()
  const [said, setSaid] = useState('')
  const announced = useRef<Announced | null>(null)
  useEffect(
    () =>
      chat.store.subscribe((state) => {
        const entry = state.entries[id]
        const turn = entry?.turn
        if (turn?.kind === 'writing') {
          const { messageId, text } = turn
          if (announced.current?.messageId !== messageId) {
            announced.current = { messageId, text: '', upTo: 0 }
            setSaid(t('chat.replyStarted'))
          }
          const { say, upTo } = announceable(text, announced.current.upTo)
          announced.current = { messageId, text, upTo }
          if (say !== '') setSaid(say)
        } else if (announced.current) {
          const { messageId, text, upTo } = announced.current
          const message = entry?.conversation?.messages.find((other) => other.id === messageId)
          announced.current = null
          const rest = (message?.content ?? text).slice(upTo).trim()
          setSaid(`${rest} ${message ? endingWords(message, t, i18n.language) : ''}`.trim())
        }
      }),
    [chat, id, t, i18n.language],
  )
  return (
    <div className="sb-hidden" role="status" aria-live="polite">
      {said}
    </div>
  )
}

/** How the reply ended: only a finished one is called finished. */
export function endingWords({ state, receipt }: Message, t: TFunction, locale: string): string {
  switch (state.kind) {
    case 'complete':
      return receipt?.finishReason === 'length'
        ? t('chat.cutOff', { count: receipt.completionTokens, value: number(receipt.completionTokens, locale) })
        : t('chat.replyEnded')
    case 'stopped':
      return t('chat.stopped')
    case 'interrupted':
      return `${t('chat.interrupted')} ${errorText(t, state.error)}`
    case 'streaming':
      return ''
  }
}
