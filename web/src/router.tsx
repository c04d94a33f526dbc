import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router'
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

const overviewRoute = createRoute({ ...reports, path: '/', component: OverviewPage })

const explorePage = () => import('./reports/explore/explore-page.tsx')
const funnelPage = () => import('./reports/funnel/funnel-page.tsx')
const retentionPage = () => import('./reports/retention/retention-page.tsx')
const livePage = () => import('./reports/live/live-page.tsx')

const reportRoutes = [
  overviewRoute,
  createRoute({ ...reports, path: '/explore', component: lazyRouteComponent(explorePage, 'ExplorePage') }),
  createRoute({ ...reports, path: '/funnel', component: lazyRouteComponent(funnelPage, 'FunnelPage') }),
  createRoute({
    ...reports,
    path: '/retention',
    component: lazyRouteComponent(retentionPage, 'RetentionPage'),
  }),
]
/** Raw events, which analysts may not see. */
const liveRoute = createRoute({
  ...reports,
  path: '/live',
  component: lazyRouteComponent(livePage, 'LivePage'),
})

const storesPage = () => import('./admin/stores-page.tsx')
const keysPage = () => import('./admin/keys-page.tsx')
const auditPage = () => import('./admin/audit-page.tsx')

const adminRoutes = [
  createRoute({ ...reports, path: '/stores', component: lazyRouteComponent(storesPage, 'StoresPage') }),
  createRoute({ ...reports, path: '/keys', component: lazyRouteComponent(keysPage, 'KeysPage') }),
  createRoute({ ...reports, path: '/audit', component: lazyRouteComponent(auditPage, 'AuditPage') }),
]

/** The routes of a role, under whatever path the gateway is served. */
export function createAppRouter(role: Session['role']) {
  return createRouter({
    routeTree: rootRoute.addChildren([
      ...reportRoutes,
      ...(role === 'ANALYST' ? [] : [liveRoute]),
      ...(role === 'ADMIN' ? adminRoutes : []),
    ]),
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
