import { useRef, useState, type SubmitEvent } from 'react'
import type { Session } from './session.ts'

interface Props {
  session: Session | null
  notice: string | null
  onSignIn: (apiKey: string) => Promise<boolean>
  onSignOut: () => void
}

/** The bar above the editor: the signed-in caller, or a form for an API key. */
export function SignInBar({ session, notice, onSignIn, onSignOut }: Props) {
  return (
    <header className="bar">
      <h1 className="bar-title">
        User statistics <span className="bar-subtitle">playground</span>
      </h1>
      <p className="bar-notice" role="alert">
        {notice}
      </p>
      {session ? <SignedIn session={session} onSignOut={onSignOut} /> : <SignInForm onSignIn={onSignIn} />}
    </header>
  )
}

function SignInForm({ onSignIn }: Pick<Props, 'onSignIn'>) {
  // The key is kept in the input only, not in state, and removed with the form once it has been exchanged.
  const input = useRef<HTMLInputElement>(null)
  const [busy, setBusy] = useState(false)

  async function submit(event: SubmitEvent) {
    event.preventDefault()
    const apiKey = input.current?.value.trim()
    if (!apiKey || busy) return
    setBusy(true)
    const accepted = await onSignIn(apiKey)
    if (accepted) return
    setBusy(false)
    input.current?.select()
  }

  return (
    <form
      className="bar-side"
      onSubmit={(event) => void submit(event)}
      autoComplete="off"
      aria-label="Sign in"
    >
      <label className="bar-label" htmlFor="api-key">
        API key
      </label>
      <input
        ref={input}
        id="api-key"
        className="bar-input"
        type="password"
        autoComplete="off"
        spellCheck={false}
        required
        data-1p-ignore
        data-lpignore="true"
        placeholder="Exchanged for a token, never stored"
      />
      <button className="bar-button bar-button-primary" type="submit" disabled={busy}>
        {busy ? 'Signing in …' : 'Sign in'}
      </button>
    </form>
  )
}

function SignedIn({ session, onSignOut }: { session: Session; onSignOut: () => void }) {
  const expiry = new Date(session.expiresAt)
  return (
    <div className="bar-side">
      <p className="bar-state" role="status">
        <span className="bar-dot" aria-hidden="true" />
        Signed in as <strong>{describe(session)}</strong> until{' '}
        <time dateTime={expiry.toISOString()}>
          {expiry.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })}
        </time>
      </p>
      <button className="bar-button" type="button" onClick={onSignOut}>
        Sign out
      </button>
    </div>
  )
}

/** For example "analyst of store 3". */
function describe({ role, storeId }: Session): string {
  const who = role?.toLowerCase() ?? 'caller'
  if (storeId !== null) return `${role === 'STORE' ? '' : `${who} of `}store ${String(storeId)}`
  return role === 'ANALYST' ? 'analyst of all stores' : who
}
