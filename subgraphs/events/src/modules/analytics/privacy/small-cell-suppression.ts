import { DomainError, type Caller } from '@user-stats/core'

/**
 * What a caller is shown of few users. The smallest cell is a type of a store on a UTC day and, where values of `data`
 * are asked for, with the values at all paths that analysts of the store may use. Cells of fewer users are no part of
 * any count.
 */
export interface Disclosure {
  /** How many distinct users a cell must have. */
  readonly least: number
}

/** The rule for a caller; null: everything is shown. */
export const disclosureOf = ({ role }: Caller, least: number): Disclosure | null =>
  role === 'ANALYST' && least > 1 ? { least } : null

const dayMs = 86_400_000

export interface Times {
  readonly timeZone: string
  readonly granularity?: string
  readonly from?: Date | null | undefined
  readonly to?: Date | null | undefined
  readonly withinSeconds?: number
}

/**
 * Where small cells are withheld, time is asked for in whole UTC days: anything finer could be subtracted from them.
 *
 * @throws FORBIDDEN saying what to ask for
 */
export function requireWholeDays(
  disclosure: Disclosure | null,
  { timeZone, granularity, from, to, withinSeconds = 0 }: Times,
): void {
  if (disclosure === null) return
  const refuse = (rule: string): DomainError =>
    new DomainError('FORBIDDEN', {
      message: `Analysts ask for whole UTC days here (MIN_COHORT): ${rule}.`,
    })
  if (timeZone !== 'UTC') throw refuse('timeZone must be UTC')
  if (granularity === 'HOUR') throw refuse('granularity must be DAY, WEEK or MONTH')
  if ([from, to].some((at) => at != null && at.getTime() % dayMs !== 0))
    throw refuse('from and to must be midnights; fromDay and toDay always are')
  if ((withinSeconds * 1_000) % dayMs !== 0) throw refuse('withinSeconds must be a multiple of 86,400')
}

/**
 * Which of ever smaller parts of one group may be told: those with enough users that leave none or enough behind, so
 * that neither they nor the difference to the part told before is about a few.
 *
 * @param parts distinct users, each part within the one before
 */
export function tellParts(disclosure: Disclosure | null, parts: readonly number[]): (number | null)[] {
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
