import { Link, Outlet } from '@tanstack/react-router'
import { addressOf } from '../graph/send.ts'
import { describeSession, useSession } from '../session/session.ts'
import { Button } from '../ui/button.tsx'
import { navigationOf } from './navigation.ts'
import { ThemeSwitch } from './theme-switch.tsx'
import styles from './shell.module.css'

/** What is around every page: where to go, who is signed in, and the theme. */
export function Shell() {
  const { session, end } = useSession()
  return (
    <div className={styles['shell']}>
      <a className={styles['skip']} href="#main">
        Skip to the content
      </a>
      <header className={styles['header']}>
        <p className={styles['brand']}>User statistics</p>
        <nav className={styles['nav']} aria-label="Pages">
          {navigationOf(session.role).map(({ to, label }) => (
            <Link
              key={to}
              to={to}
              search={(previous) => previous}
              activeOptions={{ exact: true, includeSearch: false }}
              className={styles['link']}
              activeProps={{ className: styles['active'] }}
            >
              {label}
            </Link>
          ))}
          <a className={styles['link']} href={addressOf('graphql')}>
            Playground
          </a>
        </nav>
        <div className={styles['side']}>
          <span className={styles['who']}>{describeSession(session)}</span>
          <ThemeSwitch />
          <Button
            look="quiet"
            onClick={() => {
              end()
            }}
          >
            Sign out
          </Button>
        </div>
      </header>
      <main id="main" className={styles['main']} tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  )
}
