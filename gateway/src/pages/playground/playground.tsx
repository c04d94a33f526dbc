import { Editor } from './editor.tsx'
import { SignInBar } from './sign-in-bar.tsx'
import { useSession } from './use-session.ts'

/** The whole page. */
export function Playground() {
  const { session, notice, signIn, signOut } = useSession()
  return (
    <div className="page">
      <SignInBar session={session} notice={notice} onSignIn={signIn} onSignOut={signOut} />
      <main className="page-editor">
        {/* A new editor for each session: it shows none of the answers another caller was given. */}
        <Editor key={session?.accessToken} accessToken={session?.accessToken} />
      </main>
    </div>
  )
}
