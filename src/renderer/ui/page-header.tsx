import { useEffect, type ReactNode } from 'react'
import { windowTitle } from '../lib/window-title.ts'
import styles from './page-header.module.css'

interface PageHeaderProps {
  readonly title: string
  /** Id of the heading, where the page is labelled by it. */
  readonly headingId?: string
  /** What the window is called, where that is not the title. Null: by the name of the program alone. */
  readonly windowName?: string | null
  /** Before the heading, such as the button that opens a list on a narrow screen. */
  readonly before?: ReactNode
  /** The assistant picker. */
  readonly picker?: ReactNode
  /** At the right end; the one primary button of the page comes last. */
  readonly children?: ReactNode
}

/** The top of every page: what it is, what answers, and its one primary action. Names the window after the page. */
export function PageHeader({ title, headingId, windowName = title, before, picker, children }: PageHeaderProps) {
  useEffect(() => windowTitle.setState({ page: windowName }), [windowName])
  return (
    <header className={styles.header}>
      {before}
      <h1 className={styles.title} id={headingId} title={title}>
        {title}
      </h1>
      {picker ? <div className={styles.picker}>{picker}</div> : null}
      <div className={styles.actions}>{children}</div>
    </header>
  )
}
