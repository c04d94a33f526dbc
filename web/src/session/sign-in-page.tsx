import { useEffect, useRef, useState, type SubmitEvent } from 'react'
import { addressOf, send } from '../graph/send.ts'
import { Button } from '../ui/button.tsx'
import { Card } from '../ui/card.tsx'
import { TextField } from '../ui/field.tsx'
import ui from '../ui/ui.module.css'
import { signIn, type Session } from './session.ts'
import styles from './sign-in.module.css'

const links = [
  ['graphql', 'Playground', 'Write GraphQL queries. Programs send them to the same address.'],
  ['docs', 'REST API', 'Every route, to read and to try.'],
  ['redoc', 'REST reference', 'The same routes, to read.'],
  ['openapi.json', 'OpenAPI document', 'The same routes, for tools.'],
  ['health/ready', 'Readiness', 'Whether the gateway can do its work, for load balancers.'],
] as const

interface Props {
  readonly notice: string | undefined
  readonly onSignedIn: (session: Session) => void
}

/** What browsers see before signing in: what this is, whether it is healthy, and where to go. */
export function SignInPage({ notice, onSignedIn }: Props) {
  return (
    <main className={styles['page']}>
      <header className={styles['intro']}>
        <h1>User statistics</h1>
        <p className={ui['muted']}>
          Online stores record what their customers do, and analysts read the statistics, never personal data.
        </p>
      </header>
      <Card title="Sign in">
        {notice !== undefined && (
          <p className={ui['bar']} role="status">
            {notice}
          </p>
        )}
        <SignInForm onSignedIn={onSignedIn} />
      </Card>
      <Card title="Health">
        <Health />
      </Card>
      <Card title="For developers">
        <ul className={styles['links']}>
          {links.map(([path, name, about]) => (
            <li key={path}>
              <a href={new URL(addressOf(path)).pathname}>{name}</a>{' '}
              <span className={ui['muted']}>{about}</span>
            </li>
          ))}
        </ul>
      </Card>
    </main>
  )
}

function SignInForm({ onSignedIn }: Pick<Props, 'onSignedIn'>) {
  // The key is kept in the input only, not in state, and removed with the form once it has been exchanged.
  const input = useRef<HTMLInputElement>(null)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<string>()

  async function submit(event: SubmitEvent) {
    event.preventDefault()
    const apiKey = input.current?.value.trim()
    if (!apiKey || busy) return
    setBusy(true)
    setProblem(undefined)
    try {
      onSignedIn(await signIn(apiKey))
    } catch (error) {
      setProblem(error instanceof Error ? error.message : 'Signing in failed.')
      setBusy(false)
      input.current?.select()
    }
  }

  return (
    <form className={styles['form']} onSubmit={(event) => void submit(event)} autoComplete="off">
      <TextField
        ref={input}
        label="API key"
        type="password"
        autoComplete="off"
        spellCheck={false}
        required
        data-1p-ignore
        data-lpignore="true"
        hint="Exchanged for a session of this browser, never stored. On a first start, the admin key is in .data/admin-api-key."
      />
      <div>
        <Button look="primary" type="submit" disabled={busy}>
          {busy ? 'Signing in …' : 'Sign in'}
        </Button>
      </div>
      <p role="alert" className={styles['problem']}>
        {problem}
      </p>
    </form>
  )
}

interface SystemHealth {
  readonly status: string
  readonly checks: Readonly<Record<string, string>>
}

function Health() {
  const [health, setHealth] = useState<SystemHealth | null>()
  useEffect(() => {
    send('GET', 'health/system')
      .then(async (response) => (await response.json()) as SystemHealth)
      .then(setHealth, () => {
        setHealth(null)
      })
  }, [])
  if (health === undefined) return <p className={ui['muted']}>Checking …</p>
  if (health === null) return <p>The gateway cannot be reached.</p>
  const failing = Object.keys(health.checks).filter((name) => health.checks[name] !== 'ok')
  return (
    <p className={failing.length === 0 ? styles['good'] : styles['bad']}>
      {failing.length === 0 ? 'Healthy' : `Not healthy: ${failing.join(', ')}`}
    </p>
  )
}
