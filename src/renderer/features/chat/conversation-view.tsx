import { Button, Skeleton } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { useStore } from 'zustand'
import { shownError } from '../../lib/shown-error.ts'
import type { SwitchboardError } from '../../../shared/errors/switchboard-error.ts'
import { useStores } from '../../stores/stores.ts'
import { ErrorNotice, Notice } from '../../ui/notice.tsx'
import { useChatContext } from './chat-context.ts'
import { Composer } from './composer/composer.tsx'
import { ChooseAnother } from './header/choose-another.tsx'
import { useAnswerer } from './header/use-answerer.ts'
import type { FoundMessage } from './message/found-message.ts'
import { MessageList } from './message/message-list.tsx'
import { Welcome } from './welcome.tsx'
import styles from './conversation-view.module.css'

/** One conversation, or the start of a new one, with the composer under it. */
export function ConversationView({
  id,
  found,
}: {
  readonly id: string | undefined
  readonly found: FoundMessage | null
}) {
  const { t } = useTranslation()
  const { fresh } = useChatContext()
  const answerer = useAnswerer(id)
  const { chat, conversations, drafts, settings } = useStores()
  const navigate = useNavigate()
  const [createError, setCreateError] = useState<SwitchboardError | null>(null)
  const loadError = useStore(chat.store, (state) => (id === undefined ? null : (state.entries[id]?.loadError ?? null)))
  const turnError = useStore(chat.store, (state) => (id === undefined ? null : (state.entries[id]?.turnError ?? null)))
  const loaded = useStore(chat.store, (state) => id !== undefined && Boolean(state.entries[id]?.conversation))
  const empty = useStore(
    chat.store,
    (state) => id === undefined || (state.entries[id]?.conversation?.messages.length === 0 && !state.entries[id]?.turn),
  )
  const welcomed = useStore(settings.store, (state) => state.settings.welcomed)

  const send = async (text: string): Promise<void> => {
    setCreateError(null)
    try {
      let target = id
      if (target === undefined) {
        const { assistantId, model, own } = fresh
        const conversation = await conversations.create({
          ...(assistantId === undefined ? {} : { assistantId }),
          ...(model === null ? {} : { model }),
        })
        chat.adopt(conversation)
        target = conversation.id
        if (own.systemPrompt !== '' || Object.keys(own.parameters).length > 0) await chat.update(target, own)
        void navigate(`/chat/${target}`)
      }
      if (!welcomed) void settings.update({ welcomed: true })
      const taken = await chat.send(target, text)
      if (!taken) drafts.giveBack(target, text)
    } catch (thrown) {
      setCreateError(shownError(thrown))
      drafts.giveBack(id ?? 'new', text)
    }
  }

  const error = createError ?? turnError
  return (
    <div className={styles.view}>
      {loadError && !loaded ? (
        <div className={styles.centre}>
          <ErrorNotice
            error={loadError}
            lead={t('chat.openFailed')}
            actions={
              <Button size="xs" variant="default" onClick={() => id !== undefined && void chat.refresh(id)}>
                {t('app.retry')}
              </Button>
            }
          />
        </div>
      ) : id !== undefined && !loaded ? (
        <LoadingMessages />
      ) : empty || id === undefined ? (
        <Welcome onAsk={(question) => void send(question)} />
      ) : (
        <MessageList id={id} found={found} />
      )}
      <div className={styles.bottom}>
        {answerer?.kind === 'assistant gone' || answerer?.kind === 'model gone' ? (
          <Notice kind="amber" actions={<ChooseAnother id={id} />}>
            {answerer.kind === 'assistant gone'
              ? t('chat.assistantGone')
              : t('chat.modelGone', { name: answerer.name })}
          </Notice>
        ) : null}
        {error ? (
          <ErrorNotice
            error={error}
            lead={t('chat.notTaken')}
            actions={
              <>
                {error.code === 'model_not_found' || error.code === 'assistant_not_found' ? (
                  <ChooseAnother id={id} />
                ) : null}
                <Button
                  size="xs"
                  variant="default"
                  onClick={() => (id === undefined ? setCreateError(null) : chat.dismissError(id))}
                >
                  {t('app.close')}
                </Button>
              </>
            }
          />
        ) : null}
        <Composer id={id} disabled={id !== undefined && !loaded} onSend={(text) => void send(text)} />
      </div>
    </div>
  )
}

function LoadingMessages() {
  const { t } = useTranslation()
  return (
    <div className={styles.loading} role="status" aria-label={t('app.loading')}>
      <Skeleton height={40} width="45%" ml="auto" radius="lg" />
      <Skeleton height={14} width="70%" />
      <Skeleton height={14} width="60%" />
    </div>
  )
}
