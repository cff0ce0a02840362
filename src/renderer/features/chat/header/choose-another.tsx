import { Button } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'
import { useTranslation } from 'react-i18next'
import { AssistantPicker } from './assistant-picker.tsx'

/** The picker as a button of a notice: the assistant or its model is gone. */
export function ChooseAnother({ id }: { readonly id: string | undefined }) {
  const { t } = useTranslation()
  return (
    <AssistantPicker id={id}>
      {(toggle) => (
        <Button size="xs" variant="default" rightSection={<IconChevronDown size={14} aria-hidden />} onClick={toggle}>
          {t('picker.chooseAnother')}
        </Button>
      )}
    </AssistantPicker>
  )
}
