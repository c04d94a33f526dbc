import type { ReactNode } from 'react'
import { Button } from './button.tsx'
import styles from './ui.module.css'

export function Loading({ label }: { readonly label: string }) {
  return (
    <div className={styles['state']} role="status">
      <span className={styles['spinner']} aria-hidden="true" />
      {label} …
    </div>
  )
}

export function Failure({ error, onRetry }: { readonly error: Error; readonly onRetry?: () => void }) {
  return (
    <div className={styles['state']} role="alert">
      <p>{error.message}</p>
      {onRetry && <Button onClick={onRetry}>Try again</Button>}
    </div>
  )
}

/** Nothing to show, and what to do about it. */
export function Empty({ children }: { readonly children: ReactNode }) {
  return <div className={styles['state']}>{children}</div>
}

/** A number that is not shown because it is of too few users. */
export function Withheld() {
  return (
    <span className={styles['withheld']} title="Hidden: of too few users to be shown to analysts">
      hidden
    </span>
  )
}
