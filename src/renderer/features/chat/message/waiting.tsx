import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { useShallow } from 'zustand/react/shallow'
import { number } from '../../../lib/format.ts'
import { useStores } from '../../../stores/stores.ts'
import { useAnswerer } from '../header/use-answerer.ts'
import { waitingFor } from './waiting-for.ts'
import styles from './message-item.module.css'

/** Moving dots, and what the reply waits for. */
export function Waiting({ conversationId }: { readonly conversationId: string }) {
  const { t, i18n } = useTranslation()
  const { status } = useStores()
  const answerer = useAnswerer(conversationId)
  const model = answerer?.kind === 'assistant' || answerer?.kind === 'model' ? answerer.model.name : null
  const reason = useStore(
    status.store,
    useShallow((state) => waitingFor(state.status, model)),
  )
  const words = (): string => {
    switch (reason.kind) {
      case 'first word':
        return t('chat.thinking')
      case 'model':
        return reason.percent === null
          ? t('chat.waitingForModel', { name: reason.name })
          : t('chat.waitingForFiles', { name: reason.name, percent: reason.percent })
      case 'slot':
        return t('chat.queued', {
          running: number(reason.running, i18n.language),
          waiting: number(reason.waiting, i18n.language),
        })
    }
  }
  return (
    <div className={styles.waiting}>
      <span className={styles.dots} aria-hidden>
        <i />
        <i />
        <i />
      </span>
      <span className="sb-numbers">{words()}</span>
    </div>
  )
}
