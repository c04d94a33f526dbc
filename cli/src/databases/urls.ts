import { parsers, type Variable } from '@user-stats/config'
import { databaseNames, type DatabaseName } from './schemas.ts'

const optionalUrl = { schema: parsers.databaseUrl().optional(), default: '(embedded)', secret: true } as const
const ownerUrl = { ...optionalUrl, default: '(the same)' } as const

export const databaseVariables = {
  USERS_DATABASE_URL: { ...optionalUrl, about: 'Users database, as the role that serves.' },
  USERS_OWNER_URL: { ...ownerUrl, about: 'Users database, as the role that owns and migrates it.' },
  EVENTS_DATABASE_URL: { ...optionalUrl, about: 'Events database, as the role that serves.' },
  EVENTS_OWNER_URL: { ...ownerUrl, about: 'Events database, as the role that owns and migrates it.' },
} as const satisfies Record<string, Variable>

const adminUrl = { ...optionalUrl, default: '(none)' } as const

/** Used by commands that create databases: `npm run migrate` and `npm run restore`. */
export const adminVariables = {
  USERS_ADMIN_URL: {
    ...adminUrl,
    about:
      'For `npm run migrate` and `npm run restore`: as a role that may create the users database and its two roles.',
  },
  EVENTS_ADMIN_URL: {
    ...adminUrl,
    about:
      'For `npm run migrate` and `npm run restore`: as a role that may create the events database and its two roles.',
  },
} as const satisfies Record<string, Variable>

/** An external database. */
export interface DatabaseUrls {
  readonly serving: string
  readonly owner: string
  readonly admin: string | undefined
}

export type DatabaseTargets = Readonly<Record<DatabaseName, DatabaseUrls | undefined>>

/** The databases given by URL; undefined ones are embedded. Adds contradictions to `faults`. */
export function databaseUrls(
  env: Readonly<Partial<Record<string, unknown>>>,
  faults: string[],
): DatabaseTargets {
  const read = (name: string) => {
    const value = env[name]
    return typeof value === 'string' ? value : undefined
  }
  const one = (database: DatabaseName): DatabaseUrls | undefined => {
    const prefix = database.toUpperCase()
    const [serving, owner, admin] = ['DATABASE', 'OWNER', 'ADMIN'].map((kind) =>
      read(`${prefix}_${kind}_URL`),
    )
    if (serving === undefined) {
      if (owner !== undefined || admin !== undefined)
        faults.push(`${prefix}_DATABASE_URL: expected with ${prefix}_${owner ? 'OWNER' : 'ADMIN'}_URL`)
      return undefined
    }
    const urls = { serving, owner: owner ?? serving, admin }
    if (roleOf(serving) === '' && owner !== undefined)
      faults.push(`${prefix}_DATABASE_URL: expected a role in it, since ${prefix}_OWNER_URL names another`)
    if (admin !== undefined) faults.push(...unpreparable(prefix, urls))
    return urls
  }
  return Object.fromEntries(databaseNames.map((name) => [name, one(name)])) as unknown as DatabaseTargets
}

/** Reasons why an administrator cannot prepare a database: roles are created from the parts of their URLs. */
function unpreparable(prefix: string, { serving, owner, admin = '' }: DatabaseUrls): string[] {
  const roles = [serving, owner, admin].map(roleOf)
  return [
    ...(new Set(roles).size < 3
      ? [
          `${prefix}_ADMIN_URL: expected three different roles in it, ${prefix}_OWNER_URL and ${prefix}_DATABASE_URL`,
        ]
      : []),
    ...(databaseOf(serving) !== databaseOf(owner) || databaseOf(owner) === ''
      ? [`${prefix}_OWNER_URL: expected the same database as in ${prefix}_DATABASE_URL`]
      : []),
  ]
}

/** Unchanged if the percent-encoding is invalid: connecting will report it. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export const roleOf = (url: string): string => decode(new URL(url).username)
export const passwordOf = (url: string): string => decode(new URL(url).password)
export const databaseOf = (url: string): string => decode(new URL(url).pathname.slice(1))
