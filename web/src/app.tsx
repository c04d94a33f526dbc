import { useCallback, useEffect, useMemo, useState } from 'react'
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { GraphError } from './graph/execute.ts'
import { createAppRouter } from './router.tsx'
import { readSession, SessionContext, signOut, type Session } from './session/session.ts'
import { SignInPage } from './session/sign-in-page.tsx'
import { Failure, Loading } from './ui/states.tsx'

/** Errors after which nothing can be read in this session any more. */
const endingCodes = new Set([
  'UNAUTHENTICATED',
  'TOKEN_INVALID',
  'TOKEN_EXPIRED',
  'KEY_REVOKED',
  'STORE_BLOCKED',
])
const sessionEnded = 'Your session has ended. Sign in again to go on.'

// Longer timers than this overflow and fire at once.
const longestTimer = 2 ** 31 - 1

function createClient(onError: (error: unknown) => void): QueryClient {
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        refetchOnWindowFocus: false,
        // The gateway's refusals stay refusals; anything else may pass.
        retry: (count, error) => count < 1 && !(error instanceof GraphError && error.code !== ''),
      },
    },
  })
}

/** Everything: the sign-in page, or the pages of whoever is signed in. */
export function App() {
  const [session, setSession] = useState<Session | null>()
  const [problem, setProblem] = useState<Error>()
  const [notice, setNotice] = useState<string>()

  const end = useCallback((reason?: string) => {
    void signOut().catch(() => undefined)
    setNotice(reason)
    setSession(null)
  }, [])
  const load = useCallback(() => {
    setProblem(undefined)
    readSession().then(setSession, setProblem)
  }, [])
  useEffect(load, [load])
  useEffect(() => {
    if (!session) return
    const remaining = Date.parse(session.expiresAt) - Date.now()
    const timer = setTimeout(
      () => {
        end(sessionEnded)
      },
      Math.min(Math.max(remaining, 0), longestTimer),
    )
    return () => {
      clearTimeout(timer)
    }
  }, [session, end])

  const onSignedIn = useCallback((next: Session) => {
    setNotice(undefined)
    setSession(next)
  }, [])

  if (problem) return <Failure error={problem} onRetry={load} />
  if (session === undefined) return <Loading label="Loading" />
  if (session === null) return <SignInPage notice={notice} onSignedIn={onSignedIn} />
  // A new client and router for each session: nothing that another caller was shown is kept.
  return <SignedIn key={session.expiresAt} session={session} end={end} />
}

function SignedIn({ session, end }: { session: Session; end: (notice?: string) => void }) {
  const control = useMemo(() => ({ session, end }), [session, end])
  const [client] = useState(() =>
    createClient((error) => {
      if (error instanceof GraphError && endingCodes.has(error.code)) end(sessionEnded)
    }),
  )
  const [router] = useState(() => createAppRouter(session.role))
  return (
    <SessionContext value={control}>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </SessionContext>
  )
}
