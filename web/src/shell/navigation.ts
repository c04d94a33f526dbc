import type { Session } from '../session/session.ts'

type Role = Session['role']

const everybody: readonly Role[] = ['STORE', 'ANALYST', 'ADMIN']

const pages = [
  { to: '/', label: 'Overview', roles: everybody },
  { to: '/explore', label: 'Explore', roles: everybody },
  { to: '/funnel', label: 'Funnel', roles: everybody },
  { to: '/retention', label: 'Retention', roles: everybody },
  { to: '/live', label: 'Live', roles: ['STORE', 'ADMIN'] },
  { to: '/stores', label: 'Stores', roles: ['ADMIN'] },
  { to: '/keys', label: 'Keys', roles: ['ADMIN'] },
  { to: '/audit', label: 'Audit', roles: ['ADMIN'] },
] as const

/** The pages of a role. */
export const navigationOf = (role: Role) =>
  pages.filter(({ roles }) => (roles as readonly Role[]).includes(role))
