import { useMemo, useState } from 'react'
import type { Fetcher } from '@graphiql/toolkit'
import { GraphiQL } from 'graphiql'
import { post } from './session.ts'
import { SignInBar } from './sign-in-bar.tsx'
import { readyMadeTabs } from './tabs.ts'
import { useSession } from './use-session.ts'

// GraphiQL keeps tabs and history by itself. Variables may name people, so they end with the browser's tab.
const storage = window.sessionStorage
const isFirstVisit = storage.getItem('graphiql:tabState') === null

/** The whole page. */
export function Playground() {
  const { session, notice, signIn, signOut } = useSession()
  const [sessionsEnded, setSessionsEnded] = useState(0)
  const accessToken = session?.accessToken

  const fetcher = useMemo<Fetcher>(
    () => async (parameters) => (await post(parameters, accessToken)).answer,
    [accessToken],
  )

  return (
    <div className="page">
      <SignInBar
        session={session}
        notice={notice}
        onSignIn={signIn}
        onSignOut={() => {
          signOut()
          setSessionsEnded((count) => count + 1)
        }}
      />
      <main className="page-editor">
        <GraphiQL
          // A new instance shows none of the answers the caller who left has seen.
          key={sessionsEnded}
          fetcher={fetcher}
          // Introspection needs a token: null keeps GraphiQL from asking.
          {...(session ? {} : { schema: null })}
          storage={storage}
          defaultTabs={readyMadeTabs}
          // GraphiQL fills in the first tab's query by itself, but not its variables.
          {...(isFirstVisit && sessionsEnded === 0 ? { initialVariables: readyMadeTabs[0].variables } : {})}
          defaultEditorToolsVisibility="variables"
          isHeadersEditorEnabled={false}
          shouldPersistHeaders={false}
        />
      </main>
    </div>
  )
}
