import { Popover } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import styles from './status-bar.module.css'

interface StatusPartProps {
  readonly name: string
  readonly value: ReactNode
  readonly amber?: boolean
  readonly children: ReactNode
}

/** One part of the status bar; a press explains it. */
export function StatusPart({ name, value, amber = false, children }: StatusPartProps) {
  const [open, setOpen] = useState(false)
  return (
    <Popover opened={open} onChange={setOpen} position="top-start" width={320} trapFocus returnFocus withinPortal>
      <Popover.Target>
        <button
          type="button"
          className={`${styles.part} ${amber ? styles.partAmber : ''}`}
          onClick={() => setOpen(!open)}
          title={name}
        >
          <span className="sb-hidden">{name}: </span>
          {value}
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label={name}>
        <div className={styles.details} data-autofocus tabIndex={-1}>
          {children}
        </div>
      </Popover.Dropdown>
    </Popover>
  )
}
