import { Button } from '@mantine/core'
import { Component, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { CopyButton } from '../ui/copy-button.tsx'
import { EmptyState } from '../ui/notice.tsx'

interface State {
  readonly failure: Error | null
}

/** Catches a fault of the interface itself: says what is safe, offers the way back, and the details to report. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { failure: null }

  static getDerivedStateFromError(thrown: unknown): State {
    return { failure: thrown instanceof Error ? thrown : new Error(String(thrown)) }
  }

  override render(): ReactNode {
    const { failure } = this.state
    return failure ? <Crashed failure={failure} /> : this.props.children
  }
}

function Crashed({ failure }: { readonly failure: Error }) {
  const { t } = useTranslation()
  return (
    <main>
      <EmptyState title={t('app.crashTitle')} text={t('app.crashText')}>
        <Button onClick={() => window.location.reload()}>{t('app.reload')}</Button>
        <CopyButton text={failure.stack ?? failure.message} label={t('app.details')}>
          {t('app.copyDetails')}
        </CopyButton>
      </EmptyState>
    </main>
  )
}
