import type { ReactNode } from 'react'
import styles from './action.module.css'

interface ActionProps {
  readonly label: string
  readonly disabled?: boolean
  readonly onClick: () => void
  readonly children: ReactNode
}

/** An icon button of a message. Plain, since a conversation draws hundreds of them. */
export function Action({ label, disabled = false, onClick, children }: ActionProps) {
  return (
    <button
      type="button"
      className={styles.action}
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={onClick}
    >
      {children}
    </button>
  )
}
