import { Button } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { MAX_MESSAGE_CHARACTERS } from '../../../../shared/contracts/console.ts'
import { number } from '../../../lib/format.ts'
import { Notice } from '../../../ui/notice.tsx'

/** Whether the text is longer than one message may be. */
export function isTooLong(text: string): boolean {
  return text.trim().length > MAX_MESSAGE_CHARACTERS
}

/** Says how much of a text fits into one message; the text itself stays in the field, whole. */
export function LengthNotice({ text, onSendFirst }: { readonly text: string; readonly onSendFirst?: () => void }) {
  const { t, i18n } = useTranslation()
  if (!isTooLong(text)) return null
  const counts = {
    limit: number(MAX_MESSAGE_CHARACTERS, i18n.language),
    length: number(text.trim().length, i18n.language),
  }
  return (
    <Notice
      kind="amber"
      live
      actions={
        onSendFirst ? (
          <Button size="xs" variant="default" onClick={onSendFirst}>
            {t('chat.sendFirst')}
          </Button>
        ) : null
      }
    >
      <strong>{t('chat.tooLong', counts)}</strong> {t(onSendFirst ? 'chat.tooLongHelp' : 'chat.tooLongEdit')}
    </Notice>
  )
}
