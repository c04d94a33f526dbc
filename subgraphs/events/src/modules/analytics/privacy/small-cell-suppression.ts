import { DomainError, type Caller, dayMs } from '@user-stats/core'

/**
 * Small-cell suppression: what analysts are shown of few users. The smallest cell is a type of a store on a
 * UTC day and, for queries on `data`, the values at all paths that analysts of the store may use. Cells with
 * fewer users are part of no count.
 */
export interface Disclosure {
  /** Minimum distinct users of a cell. */
  readonly least: number
}

/** The rule for a caller; null: everything is shown. */
export const disclosureOf = ({ role }: Caller, least: number): Disclosure | null =>
  role === 'ANALYST' && least > 1 ? { least } : null

export interface Times {
  readonly timeZone: string
  readonly granularity?: string
  readonly from?: Date | null | undefined
  readonly to?: Date | null | undefined
  readonly withinSeconds?: number
}

/**
 * With small-cell suppression, times must be whole UTC days: finer ones would allow subtraction.
 *
 * @throws FORBIDDEN with the rule
 */
export function requireWholeDays(
  disclosure: Disclosure | null,
  { timeZone, granularity, from, to, withinSeconds = 0 }: Times,
): void {
  if (disclosure === null) return
  const refuse = (rule: string): DomainError =>
    new DomainError('FORBIDDEN', {
      message: `Analysts may only request whole UTC days here (MIN_COHORT): ${rule}.`,
    })
  if (timeZone !== 'UTC') throw refuse('timeZone must be UTC')
  if (granularity === 'HOUR') throw refuse('granularity must be DAY, WEEK or MONTH')
  if ([from, to].some((at) => at != null && at.getTime() % dayMs !== 0))
    throw refuse('from and to must be midnights; fromDay and toDay always are')
  if ((withinSeconds * 1_000) % dayMs !== 0) throw refuse('withinSeconds must be a multiple of 86,400')
}

/**
 * Suppresses counts of nested parts of one group (steps of a funnel, weeks of a cohort): a part is shown if
 * it has enough users, and if the difference to the previous part shown is zero or large enough.
 *
 * @param parts distinct users, each part contained in the previous one
 */
export function suppressSmallParts(
  disclosure: Disclosure | null,
  parts: readonly number[],
): (number | null)[] {
  if (disclosure === null) return [...parts]
  const { least } = disclosure
  let before: number | null = null
  return parts.map((users) => {
    const lost: number = before === null ? 0 : before - users
    if (users < least || (lost > 0 && lost < least)) return null
    before = users
    return users
  })
}
