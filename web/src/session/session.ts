import { createContext, use } from 'react'
import { send } from '../graph/send.ts'

/** Who is signed in. The token itself is in a cookie that scripts cannot read. */
export interface Session {
  readonly role: 'STORE' | 'ANALYST' | 'ADMIN'
  /** The store of the API key; null for admins and analysts of all stores. */
  readonly storeId: number | null
  readonly storeName: string | null
  readonly expiresAt: string
}

export async function readSession(): Promise<Session | null> {
  const response = await send('GET', 'session')
  if (!response.ok) throw new Error('The gateway cannot answer now. Try again in a moment.')
  return response.status === 204 ? null : ((await response.json()) as Session)
}

/**
 * Exchanges an API key for a session.
 *
 * @throws Error with a message that can be shown
 */
export async function signIn(apiKey: string): Promise<Session> {
  const response = await send('POST', 'session', { apiKey })
  if (response.ok) return (await response.json()) as Session
  if (response.status === 401) throw new Error('This API key was refused. Check it and try again.')
  const problem = (await response.json().catch(() => ({}))) as { message?: string }
  throw new Error(problem.message ?? `The gateway answered with status ${String(response.status)}.`)
}

export async function signOut(): Promise<void> {
  await send('DELETE', 'session')
}

interface SessionControl {
  readonly session: Session
  /** Ends the session here and on the gateway. */
  readonly end: (notice?: string) => void
}

export const SessionContext = createContext<SessionControl | null>(null)

/** The session of whoever sees the page. @throws Error outside the signed-in part of the application */
export function useSession(): SessionControl {
  const control = use(SessionContext)
  if (control === null) throw new Error('nobody is signed in')
  return control
}

/** For example "Analyst of all stores". */
export function describeSession({ role, storeId, storeName }: Session): string {
  const store = storeName ?? `store ${String(storeId)}`
  switch (role) {
    case 'ADMIN':
      return 'Admin'
    case 'ANALYST':
      return `Analyst of ${storeId === null ? 'all stores' : store}`
    case 'STORE':
      return store.replace(/^store/, 'Store')
  }
}
