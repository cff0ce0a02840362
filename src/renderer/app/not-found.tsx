import { Button } from '@mantine/core'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { windowTitle } from '../lib/window-title.ts'
import { EmptyState } from '../ui/notice.tsx'

/** An address of another version or a mistyped one. */
export function NotFound() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  useEffect(() => windowTitle.setState({ page: null }), [])
  return (
    <EmptyState title={t('app.notFoundTitle')} text={t('app.notFoundText')}>
      <Button onClick={() => void navigate('/chat')}>{t('app.toChat')}</Button>
    </EmptyState>
  )
}
