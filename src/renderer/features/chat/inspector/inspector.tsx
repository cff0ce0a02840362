import { Skeleton } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { useStores } from '../../../stores/stores.ts'
import { Notice } from '../../../ui/notice.tsx'
import { useChatContext } from '../chat-context.ts'
import { ChooseAnother } from '../header/choose-another.tsx'
import { useAnswerer, useChoice } from '../header/use-answerer.ts'
import { AssistantForm } from './assistant-form.tsx'
import type { FieldFocus } from './form-values.ts'
import { OwnForm } from './own-form.tsx'
import styles from './inspector.module.css'

interface InspectorProps {
  readonly id: string | undefined
  readonly focus: FieldFocus | null
}

/** What answers in the conversation, to be tuned beside its replies. */
export function Inspector({ id, focus }: InspectorProps) {
  const { t } = useTranslation()
  const answerer = useAnswerer(id)
  const choice = useChoice(id)
  if (answerer === null || choice === null)
    return (
      <div className={styles.form} role="status" aria-label={t('app.loading')}>
        <Skeleton height={14} width="70%" />
        <Skeleton height={36} />
        <Skeleton height={120} />
      </div>
    )
  if (answerer.kind === 'assistant gone')
    return (
      <div className={styles.form}>
        <Notice kind="amber" actions={<ChooseAnother id={id} />}>
          {t('chat.assistantGone')}
        </Notice>
      </div>
    )
  const assistant = answerer.kind === 'model' ? null : answerer.assistant
  if (assistant) return <AssistantForm key={assistant.id} assistant={assistant} conversationId={id} focus={focus} />
  return id === undefined ? <NewConversationForm focus={focus} /> : <ConversationForm key={id} id={id} focus={focus} />
}

function NewConversationForm({ focus }: { readonly focus: FieldFocus | null }) {
  const { fresh, setFresh } = useChatContext()
  return (
    <OwnForm
      conversationId={undefined}
      stored={{ ...fresh.own, model: fresh.model }}
      save={async ({ model, ...own }) => setFresh({ model, own })}
      focus={focus}
    />
  )
}

function ConversationForm({ id, focus }: { readonly id: string; readonly focus: FieldFocus | null }) {
  const { chat } = useStores()
  const conversation = useStore(chat.store, (state) => state.entries[id]?.conversation ?? null)
  if (!conversation) return null
  return (
    <OwnForm
      conversationId={id}
      stored={conversation}
      save={async (values) => {
        await chat.update(id, values)
        const saving = chat.store.getState().entries[id]?.saving
        if (saving?.kind === 'failed') throw saving.error
      }}
      focus={focus}
    />
  )
}
