import { useEffect, useEffectEvent } from 'react'
import { useTranslation } from 'react-i18next'
import { notifications } from '@mantine/notifications'
import { useCatalog, useChoose } from './use-answerer.ts'

/** Alt 1 to Alt 9 choose the assistants in the order of the picker, and say so. */
export function useAssistantKeys(id: string | undefined): void {
  const { t } = useTranslation()
  const catalog = useCatalog()
  const choose = useChoose(id)
  const onKey = useEffectEvent((event: KeyboardEvent): void => {
    if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
    const digit = /^Digit([1-9])$/.exec(event.code)?.[1]
    const assistant = digit === undefined ? undefined : catalog?.assistants[Number(digit) - 1]
    if (!assistant) return
    event.preventDefault()
    choose({ assistantId: assistant.id, model: null })
    notifications.show({
      id: 'assistant-chosen',
      message: t('picker.answersNext', { name: assistant.name }),
      autoClose: 2500,
      closeButtonProps: { 'aria-label': t('app.close') },
    })
  })
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => onKey(event)
    window.addEventListener('keydown', listener)
    return () => window.removeEventListener('keydown', listener)
  }, [])
}
