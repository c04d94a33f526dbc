import { createRootRoute, createRoute, createRouter } from '@tanstack/react-router'
import { parseReportSearch } from './reports/search.ts'
import { OverviewPage } from './reports/overview/overview-page.tsx'
import { Shell } from './shell/shell.tsx'
import { Failure, Empty, Loading } from './ui/states.tsx'
import type { Session } from './session/session.ts'

const rootRoute = createRootRoute({
  component: Shell,
  notFoundComponent: () => <Empty>There is no such page, or it is not for your role.</Empty>,
  errorComponent: ({ error }) => (
    <Failure error={error instanceof Error ? error : new Error(String(error))} />
  ),
})
const reports = { getParentRoute: () => rootRoute, validateSearch: parseReportSearch } as const

export const overviewRoute = createRoute({ ...reports, path: '/', component: OverviewPage })

const routes = [overviewRoute]

/** The routes of a role, under whatever path the gateway is served. */
export function createAppRouter(_role: Session['role']) {
  return createRouter({
    routeTree: rootRoute.addChildren(routes),
    basepath: new URL(document.baseURI).pathname,
    scrollRestoration: true,
    defaultPendingComponent: () => <Loading label="Loading" />,
    defaultPreload: 'intent',
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>
  }
}
