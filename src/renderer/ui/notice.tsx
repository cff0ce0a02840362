import { IconAlertTriangle, IconCircleX, IconInfoCircle } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { SerialisedError } from '../../shared/errors/switchboard-error.ts'
import { errorDetails, errorText } from '../lib/error-text.ts'
import { CopyButton } from './copy-button.tsx'
import styles from './notice.module.css'

const icons = { plain: IconInfoCircle, amber: IconAlertTriangle, red: IconCircleX } as const

interface NoticeProps {
  readonly kind: keyof typeof icons
  readonly children: ReactNode
  readonly actions?: ReactNode
  /** Announced when it appears. */
  readonly live?: boolean
  /** From edge to edge over a page, instead of a box inside it. */
  readonly banner?: boolean
}

/** A short message. The icon repeats the meaning of the colour. */
export function Notice({ kind, children, actions, live = false, banner = false }: NoticeProps) {
  const Icon = icons[kind]
  return (
    <div
      className={`${styles.notice} ${banner ? styles.banner : styles.box} ${kind === 'plain' ? '' : styles[kind]}`}
      {...(live ? { role: kind === 'red' ? 'alert' : 'status' } : {})}
    >
      <Icon size={16} className={styles.icon} aria-hidden />
      <div className={styles.body}>
        <div className={styles.text}>{children}</div>
        {actions ? <div className={styles.actions}>{actions}</div> : null}
      </div>
    </div>
  )
}

type ShownError = Pick<SerialisedError, 'code' | 'message'> & {
  readonly param?: string | undefined
  readonly details?: SerialisedError['details']
}

/** The details of an error, to unfold and to copy. */
export function ErrorDetails({ error }: { readonly error: ShownError }) {
  const { t } = useTranslation()
  const details = errorDetails(error)
  return (
    <details className={styles.details}>
      <summary>{t('app.details')}</summary>
      <pre>{details}</pre>
      <CopyButton text={details} label={t('app.copy')} />
    </details>
  )
}

/** An error: what happened and the next step, what was not lost, and details to copy. */
export function ErrorNotice({
  error,
  lead,
  actions,
  live = true,
}: {
  readonly error: ShownError
  readonly lead?: string
  readonly actions?: ReactNode
  readonly live?: boolean
}) {
  const { t } = useTranslation()
  return (
    <Notice kind="red" live={live} actions={actions}>
      {lead ? <strong>{lead} </strong> : null}
      {errorText(t, error)}
      <ErrorDetails error={error} />
    </Notice>
  )
}

/** A page or list without content: what it is for and the first step. */
export function EmptyState({
  title,
  text,
  children,
}: {
  readonly title: string
  readonly text?: string
  readonly children?: ReactNode
}) {
  return (
    <div className={styles.empty}>
      <h2>{title}</h2>
      {text ? <p>{text}</p> : null}
      {children}
    </div>
  )
}
