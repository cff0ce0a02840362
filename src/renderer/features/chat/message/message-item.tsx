import { memo } from 'react'
import { useTranslation } from 'react-i18next'
import type { Message } from '../../../../shared/domain/conversation.ts'
import { exactTime, timeOfDay } from '../../../lib/format.ts'
import { Question } from './question.tsx'
import { Reply } from './reply.tsx'
import type { MessageVersions } from '../../../lib/branches.ts'
import styles from './message-item.module.css'

export interface MessageItemProps {
  readonly message: Message
  readonly versions: MessageVersions | null
  /** The stream of this window is writing it now. */
  readonly writing: boolean
  readonly last: boolean
}

/** One message with what can be done about it. */
export const MessageItem = memo(function MessageItem(props: MessageItemProps) {
  const { role, createdAt } = props.message
  return (
    <div className={`${styles.message} ${role === 'user' ? styles.asked : ''}`}>
      {role === 'user' ? <Question {...props} /> : <Reply {...props} />}
      <MessageTime at={createdAt} />
    </div>
  )
})

/** When a message was written; seen while it is pointed at or has the focus. */
function MessageTime({ at }: { readonly at: number }) {
  const { i18n } = useTranslation()
  return (
    <time
      className={`${styles.time} sb-numbers`}
      dateTime={new Date(at).toISOString()}
      title={exactTime(at, i18n.language)}
    >
      {timeOfDay(at, i18n.language)}
    </time>
  )
}
