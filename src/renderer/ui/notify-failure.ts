import { notifications } from '@mantine/notifications'
import { useTranslation } from 'react-i18next'
import { errorText } from '../lib/error-text.ts'
import { shownError } from '../lib/shown-error.ts'

/** Shows at the edge of the window why a call was refused. `words` may say what did not happen. */
export type NotifyFailure = (thrown: unknown, words?: (reason: string) => string) => void

/** For calls whose refusal has no spot of its own on the page. */
export function useNotifyFailure(): NotifyFailure {
  const { t } = useTranslation()
  return (thrown, words = (reason) => reason) =>
    void notifications.show({
      color: 'red',
      message: words(errorText(t, shownError(thrown))),
      closeButtonProps: { 'aria-label': t('app.close') },
    })
}
