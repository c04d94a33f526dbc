import { useEffect, useState } from 'react'
import { signIn, type Session } from './session.ts'

// Longer timers than this overflow and fire at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Keeps the session in memory until it expires, the user signs out or the page is reloaded. */
export function useSession() {
  const [session, setSession] = useState<Session | null>(null)
  const [notice, setNotice] = useState<string | null>(null)

  useEffect(() => {
    if (!session) return
    const remaining = Math.min(Math.max(session.expiresAt - Date.now(), 0), LONGEST_TIMER_MS)
    const timer = setTimeout(() => {
      setSession(null)
      setNotice('Your session has ended. Sign in again to go on.')
    }, remaining)
    return () => {
      clearTimeout(timer)
    }
  }, [session])

  return {
    session,
    notice,
    signIn: async (apiKey: string): Promise<boolean> => {
      setNotice(null)
      try {
        setSession(await signIn(apiKey))
        return true
      } catch (error) {
        setNotice(error instanceof Error ? error.message : 'Signing in failed.')
        return false
      }
    },
    signOut: (): void => {
      setSession(null)
      setNotice(null)
    },
  }
}
