import { ActionIcon, TextInput } from '@mantine/core'
import { IconSearch, IconX } from '@tabler/icons-react'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useStore } from 'zustand'
import { useStores } from '../../../stores/stores.ts'
import { searchTarget } from '../../../ui/shortcuts.ts'
import { isComposing } from '../composer/composing.ts'

const REST_MS = 150

/**
 * Searches titles and messages once the typing rests, never inside a composition. Esc clears the field, Arrow Down goes
 * on to the list.
 */
export function ConversationSearch({ onArrowDown }: { readonly onArrowDown: () => void }) {
  const { t } = useTranslation()
  const { conversations } = useStores()
  const search = useStore(conversations.store, (state) => state.search)
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])

  const change = (text: string, composing: boolean): void => {
    clearTimeout(timer.current)
    // An empty field shows every conversation at once: there is nothing to wait for.
    if (text === '') void conversations.search('')
    else {
      void conversations.search(text, true)
      if (!composing) timer.current = setTimeout(() => void conversations.search(text), REST_MS)
    }
  }
  return (
    <TextInput
      {...searchTarget}
      aria-label={t('chat.search')}
      placeholder={t('chat.search')}
      value={search}
      maxLength={200}
      onChange={(event) => change(event.currentTarget.value, (event.nativeEvent as InputEvent).isComposing)}
      onCompositionEnd={(event) => change(event.currentTarget.value, false)}
      onKeyDown={(event) => {
        if (isComposing(event)) return
        if (event.key === 'Escape' && search !== '') {
          event.preventDefault()
          event.stopPropagation()
          change('', false)
        } else if (event.key === 'ArrowDown') {
          event.preventDefault()
          onArrowDown()
        }
      }}
      leftSection={<IconSearch size={16} aria-hidden />}
      rightSection={
        search === '' ? null : (
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-label={t('chat.clearSearch')}
            onClick={() => change('', false)}
          >
            <IconX size={14} aria-hidden />
          </ActionIcon>
        )
      }
    />
  )
}
