import { Popover } from '@mantine/core'
import type { ReactNode } from 'react'
import { useStore } from 'zustand'
import { statusControl } from '../ui/status-control.ts'
import styles from './status-bar.module.css'

interface StatusPartProps {
  readonly id: string
  readonly name: string
  readonly value: ReactNode
  readonly amber?: boolean
  /** Left out where the bar is narrow. */
  readonly wideOnly?: boolean
  readonly children: ReactNode
}

/** One part of the status bar; a press explains it. */
export function StatusPart({ id, name, value, amber = false, wideOnly = false, children }: StatusPartProps) {
  const open = useStore(statusControl, (state) => state.open === id)
  const setOpen = (next: boolean): void => {
    if (next || open) statusControl.setState({ open: next ? id : null })
  }
  return (
    <Popover opened={open} onChange={setOpen} position="top-start" width={340} trapFocus returnFocus withinPortal>
      <Popover.Target>
        <button
          type="button"
          className={`${styles.part} ${amber ? styles.partAmber : ''} ${wideOnly ? styles.wideOnly : ''}`}
          onClick={() => setOpen(!open)}
          title={name}
        >
          <span className="sb-hidden">{name}: </span>
          {value}
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label={name} className={styles.dropdown ?? ''}>
        <div className={styles.details} data-autofocus tabIndex={-1}>
          {children}
        </div>
      </Popover.Dropdown>
    </Popover>
  )
}
