import { badInput, type DomainError } from '@user-stats/core'
import type { PreparedEvent } from './validation.ts'

/** The member of an event that looks like an e-mail address. */
export interface EmailFault {
  readonly field: string
  /**
   * Whether it is the name of a member of `field`; the name itself is not reported, for it may be personal
   * data.
   */
  readonly isName: boolean
}

type Searched = Pick<PreparedEvent, 'userId' | 'type' | 'data' | 'key'>

const local = /[\p{L}\p{N}!#$%&'*+/=?^_`{|}~."-]/u
const domain = /[\p{L}\p{N}.-]/u
const maxDomain = 255

/**
 * Whether a text contains something shaped like an e-mail address: a character, `@`, and a name with a dot
 * whose last part has two or more characters, one of them a letter. Also in the encoding of URLs (`%40`), and
 * in full width. One pass: the part after one `@` ends before the next.
 */
export function hasEmail(text: string): boolean {
  // Most texts end here.
  if (!/[@\uFE6B\uFF20]|%40/.test(text)) return false
  const plain = text.normalize('NFKC').replaceAll('%40', '@')
  for (let at = plain.indexOf('@'); at !== -1; at = plain.indexOf('@', at + 1))
    if (at > 0 && local.test(characterBefore(plain, at)) && isDomain(plain, at + 1)) return true
  return false
}

/** A character may be two code units. */
const characterBefore = (text: string, at: number): string =>
  Array.from(text.slice(Math.max(0, at - 2), at)).at(-1) ?? ''

function isDomain(text: string, from: number): boolean {
  let name = ''
  for (const character of text.slice(from, from + maxDomain)) {
    if (!domain.test(character)) break
    name += character
  }
  // Ignore the dot at the end of a sentence.
  const labels = name.split('.').filter((label, at, all) => label !== '' || at < all.length - 1)
  const last = labels.at(-1) ?? ''
  return labels.length > 1 && labels[0] !== '' && last.length > 1 && /\p{L}/u.test(last)
}

/** The first member of an event whose value or name contains an e-mail address; null when there is none. */
export function findEmail({ userId, type, data, key }: Searched): EmailFault | null {
  for (const [field, value] of Object.entries({ type, userId, idempotencyKey: key ?? '' }))
    if (hasEmail(value)) return { field, isName: false }
  return findIn(data, 'data')
}

function findIn(value: unknown, field: string): EmailFault | null {
  if (typeof value === 'string') return hasEmail(value) ? { field, isName: false } : null
  if (typeof value !== 'object' || value === null) return null
  for (const [name, member] of Object.entries(value)) {
    if (hasEmail(name)) return { field, isName: true }
    const fault = findIn(member, `${field}.${name}`)
    if (fault !== null) return fault
  }
  return null
}

/** The error for such an event. */
export const refusalOf = ({ field, isName }: EmailFault): DomainError =>
  badInput(
    field,
    `${isName ? 'must not have a member whose name looks' : 'must not look'} like an e-mail address: this store refuses them in events (refuseEmailLikeData)`,
  )
