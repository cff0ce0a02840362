import { ActionIcon, Tooltip } from '@mantine/core'
import { IconArrowUp, IconPlayerStopFilled } from '@tabler/icons-react'
import { useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { MAX_MESSAGE_CHARACTERS } from '../../../../shared/contracts/console.ts'
import { useStores } from '../../../stores/stores.ts'
import { useNotifyFailure } from '../../../ui/notify-failure.ts'
import { paletteStore } from '../../../ui/palette-control.ts'
import { firstCharacters } from '../message/fold.ts'
import { isComposing } from './composing.ts'
import { isTooLong, LengthNotice } from './length-notice.tsx'
import styles from './composer.module.css'

/** Above this the field has its full height: measuring the text at each key would take longer than a frame. */
const MAX_MEASURED_CHARACTERS = 10_000

interface ComposerProps {
  readonly id: string | undefined
  readonly disabled: boolean
  readonly onSend: (text: string) => void
}

/** The message field: Enter sends, Shift+Enter starts a line, Esc stops the reply; the draft is kept. */
export function Composer({ id, disabled, onSend }: ComposerProps) {
  const { t } = useTranslation()
  const { chat, drafts } = useStores()
  const notifyFailure = useNotifyFailure()
  const key = id ?? 'new'
  const text = useStore(drafts.store, () => drafts.read(key))
  const running = useStore(chat.store, (state) => id !== undefined && Boolean(state.entries[id]?.turn))
  const [kept, setKept] = useState(true)
  const field = useRef<HTMLTextAreaElement>(null)
  const tooLong = isTooLong(text)
  const isReady = text.trim() !== '' && !running && !disabled
  const canSend = isReady && !tooLong

  // Work goes on in the field after a conversation was opened; on touch it would raise the keyboard unasked. On a busy
  // machine the page may come after the palette was opened: what is typed there must not end up in a message.
  useLayoutEffect(() => {
    if (window.matchMedia('(hover: hover)').matches && !paletteStore.getState().opened)
      field.current?.focus({ preventScroll: true })
  }, [])

  const send = (): void => {
    if (!canSend) return
    drafts.write(key, '')
    onSend(text.trim())
  }
  const sendFirst = (): void => {
    if (!isReady) return
    const first = firstCharacters(text.trim(), MAX_MESSAGE_CHARACTERS)
    setKept(drafts.write(key, text.trim().slice(first.length)))
    onSend(first)
  }
  const stop = (): void => {
    if (id !== undefined && running) chat.stop(id).catch(notifyFailure)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (isComposing(event)) return
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      send()
    } else if (event.key === 'Escape' && running) {
      event.preventDefault()
      stop()
    }
  }
  return (
    <div className={styles.composer}>
      <LengthNotice text={text} onSendFirst={sendFirst} />
      <div className={styles.box}>
        <textarea
          ref={field}
          className={`${styles.field} ${text.length > MAX_MEASURED_CHARACTERS ? styles.full : ''}`}
          aria-label={t('chat.message')}
          aria-describedby="composer-hint"
          placeholder={t('chat.placeholder')}
          rows={1}
          dir="auto"
          aria-invalid={tooLong}
          value={text}
          onChange={(event) => setKept(drafts.write(key, event.currentTarget.value))}
          onKeyDown={onKeyDown}
        />
        {running ? (
          <Tooltip label={t('chat.stop')}>
            <ActionIcon
              className={styles.button ?? ''}
              variant="filled"
              size={32}
              radius="md"
              aria-label={t('chat.stop')}
              onClick={stop}
            >
              <IconPlayerStopFilled size={16} aria-hidden />
            </ActionIcon>
          </Tooltip>
        ) : (
          <Tooltip label={t('chat.send')}>
            <ActionIcon
              className={styles.button ?? ''}
              variant="filled"
              size={32}
              radius="md"
              aria-label={t('chat.send')}
              disabled={!canSend}
              onClick={send}
            >
              <IconArrowUp size={18} aria-hidden />
            </ActionIcon>
          </Tooltip>
        )}
      </div>
      <p id="composer-hint" className={styles.hint}>
        {kept ? t('chat.composerHint') : t('chat.draftNotKept')}
      </p>
    </div>
  )
}
