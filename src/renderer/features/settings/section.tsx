import { useId, type ReactNode } from 'react'
import styles from './settings.module.css'

interface SectionProps {
  readonly title: string
  readonly help: string
  readonly action?: ReactNode
  readonly children: ReactNode
}

/** A titled group of settings. */
export function Section({ title, help, action, children }: SectionProps) {
  const heading = useId()
  return (
    <section className={styles.section} aria-labelledby={heading}>
      <div className={styles.sectionHead}>
        <div>
          <h2 id={heading}>{title}</h2>
          <p>{help}</p>
        </div>
        {action}
      </div>
      <div className={styles.card}>{children}</div>
    </section>
  )
}

/** The id of the words under a label, for the control they describe. */
export const helpId = (control: string): string => `${control}-help`

/** One setting: what it is on the left, its control on the right; below each other where it is narrow. */
export function Row({
  label,
  help,
  htmlFor,
  changed,
  children,
}: {
  readonly label: string
  readonly help?: string
  readonly htmlFor?: string
  readonly changed?: ReactNode
  readonly children: ReactNode
}) {
  return (
    <div className={styles.row}>
      <div className={styles.rowText}>
        {htmlFor === undefined ? (
          <span className={styles.label}>{label}</span>
        ) : (
          <label className={styles.label} htmlFor={htmlFor}>
            {label}
          </label>
        )}
        {help ? <p id={htmlFor === undefined ? undefined : helpId(htmlFor)}>{help}</p> : null}
        {changed}
      </div>
      <div className={styles.control}>{children}</div>
    </div>
  )
}
