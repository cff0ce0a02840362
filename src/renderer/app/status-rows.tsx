import type { ReactNode } from 'react'
import styles from './status-bar.module.css'

export function Rows({ rows }: { readonly rows: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl className={styles.rows}>
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

export function Head({ title, help }: { readonly title: string; readonly help: string }) {
  return (
    <>
      <h2 className={styles.head}>{title}</h2>
      <p className={styles.help}>{help}</p>
    </>
  )
}
