import { formatInstant } from '../ui/format.ts'
import styles from './reports.module.css'

/** The instant up to which a report counts, and the zone of its days. */
export function AsOf({ instant, timeZone }: { readonly instant: string; readonly timeZone: string }) {
  return (
    <p className={styles['note']}>
      As of {formatInstant(instant, timeZone)}, days of {timeZone}.
    </p>
  )
}
