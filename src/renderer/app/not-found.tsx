import { Button } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { EmptyState } from '../ui/notice.tsx'

/** An address of another version or a mistyped one. */
export function NotFound() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  return (
    <EmptyState title={t('app.notFoundTitle')} text={t('app.notFoundText')}>
      <Button onClick={() => void navigate('/chat')}>{t('app.toChat')}</Button>
    </EmptyState>
  )
}
