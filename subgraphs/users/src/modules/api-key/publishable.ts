import { badInput } from '@user-stats/core'
import { requireText } from '../../database/text.ts'
import type { Role } from '@user-stats/prisma-users'

const maxEntries = 20
/** Characters of all entries: tokens hold them. */
const maxCharacters = 1_800

/** As browsers send it in `Origin`. */
const isOrigin = (text: string): boolean =>
  /^https?:\/\/[\w.:[\]-]+$/.test(text) && URL.canParse(text) && new URL(text).origin === text

export interface Publishable {
  readonly role: Role
  readonly allowedOrigins?: readonly string[] | null | undefined
  readonly allowedTypes?: readonly string[] | null | undefined
}

/** The rules for what a publishable key may do, each throwing BAD_USER_INPUT. */
export function publishableRules({ role, allowedOrigins, allowedTypes }: Publishable): (() => unknown)[] {
  const origins = allowedOrigins ?? []
  const types = allowedTypes ?? []
  if (role !== 'WRITER')
    return Object.entries({ allowedOrigins: origins, allowedTypes: types }).map(([field, entries]) => () => {
      if (entries.length > 0) throw badInput(field, 'is for WRITER keys only')
    })
  return [
    () => {
      if (origins.length === 0 || origins.length > maxEntries)
        throw badInput('allowedOrigins', `must be 1 to ${String(maxEntries)} origins for a WRITER key`)
      if (!origins.every(isOrigin))
        throw badInput(
          'allowedOrigins',
          'must be origins as browsers send them, such as https://shop.example',
        )
    },
    () => {
      if (types.length > maxEntries)
        throw badInput('allowedTypes', `must be ${String(maxEntries)} types at most`)
      for (const type of types) requireText('allowedTypes', type, 128)
      if ([...origins, ...types].join('').length > maxCharacters)
        throw badInput(
          'allowedTypes',
          `must have ${String(maxCharacters)} characters at most, with the origins`,
        )
    },
  ]
}
