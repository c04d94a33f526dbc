import type { Session } from '../session/session.ts'

type Role = Session['role']

const everybody: readonly Role[] = ['STORE', 'ANALYST', 'ADMIN']

const pages = [{ to: '/', label: 'Overview', roles: everybody }] as const

/** The pages of a role. */
export const navigationOf = (role: Role) => pages.filter(({ roles }) => roles.includes(role))
