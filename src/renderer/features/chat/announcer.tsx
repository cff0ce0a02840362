import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useStores } from '../../stores/stores.ts'
import { announceable } from '../../lib/sentences.ts'

/** Tells a screen reader about the reply sentence by sentence, never token by token. Nothing is shown. */
export function Announcer({ id }: { readonly id: string }) {
  const { t } = useTranslation()
  const { chat } = useStores()
  const [said, setSaid] = useState('')
  const place = useRef<{ messageId: string; upTo: number; text: string } | null>(null)
  useEffect(
    () =>
      chat.store.subscribe((state) => {
        const turn = state.entries[id]?.turn
        if (turn?.kind === 'writing') {
          if (place.current?.messageId !== turn.messageId) {
            place.current = { messageId: turn.messageId, upTo: 0, text: turn.text }
            setSaid(t('chat.replyStarted'))
          }
          place.current.text = turn.text
          const { say, upTo } = announceable(turn.text, place.current.upTo)
          place.current.upTo = upTo
          if (say !== '') setSaid(say)
        } else if (place.current) {
          const message = state.entries[id]?.conversation?.messages.find(
            (other) => other.id === place.current?.messageId,
          )
          const rest = (message?.content ?? place.current.text).slice(place.current.upTo).trim()
          place.current = null
          setSaid(`${rest} ${t('chat.replyEnded')}`.trim())
        }
      }),
    [chat, id, t],
  )
  return (
    <div className="sb-hidden" role="status" aria-live="polite">
      {said}
    </div>
  )
}
