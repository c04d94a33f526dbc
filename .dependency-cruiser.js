import { readdirSync } from 'node:fs'

/**
 * Which modules may import which. Workspaces know each other by package name only; the shared packages depend on each
 * other in one direction, from the last of `packages` to the first.
 *
 * @type {import('dependency-cruiser').IConfiguration}
 */
const workspace = '^(?:packages|prisma|subgraphs)/[^/]+/|^(?:gateway|cli|e2e|web)/'

const packages = ['config', 'core', 'audit-log', 'testing', 'http', 'graphql', 'fast-path', 'rest']

/** The nouns of a subgraph: each imports only those before it, so that they form no circle. */
const nouns = {
  users: ['access', 'audit', 'token', 'api-key', 'store', 'user', 'erasure', 'command'],
  events: [
    'access',
    'audit',
    'store',
    'rollup',
    'retention',
    'event',
    'user',
    'idempotency-key',
    'deletion',
    'command',
    'analytics',
    'aggregate',
    'verification',
  ],
}

/** A shared package must not import the packages above it. */
const layer = (name, above) => ({
  name: `package-${name}`,
  comment: `packages/${name} does not import ${above.join(', ')}.`,
  severity: 'error',
  from: { path: `^packages/${name}/src/` },
  to: { path: `^packages/(?:${above.join('|')})/` },
})

const nounRules = Object.entries(nouns).flatMap(([subgraph, names]) => {
  const modules = `subgraphs/${subgraph}/src/modules`
  const unlisted = readdirSync(modules).filter((name) => !names.includes(name))
  if (unlisted.length > 0)
    throw new Error(`.dependency-cruiser.js: add the nouns of ${modules}: ${unlisted.join(', ')}`)
  return names.slice(0, -1).map((name, index) => ({
    name: `noun-${subgraph}-${name}`,
    comment: `${modules}/${name} does not import the nouns above it.`,
    severity: 'error',
    from: { path: `^${modules}/${name}/` },
    to: { path: `^${modules}/(?:${names.slice(index + 1).join('|')})/` },
  }))
})

export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'No circular imports: each file can be understood without the ones that import it.',
      severity: 'error',
      from: {},
      // Generated resolver types import the types they map to, which import them.
      to: { circular: true, viaOnly: { pathNot: '/generated/' } },
    },
    {
      name: 'no-orphans',
      comment: 'Delete unused files.',
      severity: 'error',
      from: {
        orphan: true,
        pathNot: [
          '\\.d\\.ts$',
          '(?:^|/)(?:main|codegen)\\.ts$',
          '\\.config\\.(?:js|ts)$',
          '/scripts/',
          '/test/',
        ],
      },
      to: {},
    },
    {
      name: 'no-unresolvable',
      comment: 'Imported files must exist, including generated ones (`npm run generate`).',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'tests-only-in-tests',
      comment: 'Production code must not import test code.',
      severity: 'error',
      from: { path: '/src/', pathNot: ['\\.test\\.ts$', '^packages/[^/]+/src/testing'] },
      to: { path: ['/test/', '\\.test\\.ts$', '^packages/[^/]+/src/testing'] },
    },
    {
      name: 'no-reaching-into-workspaces',
      comment: 'Import workspaces by package name and exports, never by path.',
      severity: 'error',
      from: { path: '^((?:packages|prisma|subgraphs)/[^/]+|gateway|cli|e2e|web)/' },
      to: { path: workspace, pathNot: '^$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'packages-stand-alone',
      comment: 'Shared packages must not import services, databases or the command line.',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^(?:prisma|subgraphs)/[^/]+/|^(?:gateway|cli|e2e)/' },
    },
    {
      name: 'subgraphs-stand-alone',
      comment: 'Subgraphs must not import each other, the gateway, the command line or e2e tests.',
      severity: 'error',
      from: { path: '^(subgraphs/[^/]+)/' },
      to: { path: '^(?:subgraphs/[^/]+|gateway|cli|e2e)/', pathNot: '^$1/' },
    },
    {
      name: 'gateway-stands-alone',
      comment: 'The gateway calls subgraphs by URL and must not import them or databases.',
      severity: 'error',
      from: { path: '^gateway/(?:src|scripts)/' },
      to: { path: '^(?:subgraphs|prisma|cli|e2e|packages/postgres)/' },
    },
    {
      name: 'databases-stand-alone',
      comment: 'A database package may only import packages/postgres.',
      severity: 'error',
      from: { path: '^(prisma/[^/]+)/' },
      to: { path: workspace, pathNot: ['^$1/', '^packages/postgres/'] },
    },
    {
      name: 'no-imports-of-e2e',
      comment: 'End-to-end tests must not be imported.',
      severity: 'error',
      from: { pathNot: '^e2e/' },
      to: { path: '^e2e/' },
    },
    {
      name: 'prisma-client-in-prisma-only',
      comment: 'Only prisma/<database> has a Prisma client.',
      severity: 'error',
      from: { pathNot: '^prisma/' },
      to: { path: ['(?:^|/)node_modules/@prisma/client', '^prisma/[^/]+/generated/'] },
    },
    {
      name: 'own-database-only',
      comment: 'A subgraph uses its own database.',
      severity: 'error',
      from: { path: '^subgraphs/([^/]+)/' },
      to: { path: '^prisma/', pathNot: '^prisma/$1/' },
    },
    {
      name: 'domain-below-doors',
      comment: 'Nouns of a subgraph must not import REST routes or the wiring.',
      severity: 'error',
      from: { path: '^subgraphs/[^/]+/src/modules/', pathNot: '\\.test\\.ts$' },
      to: { path: '^subgraphs/[^/]+/src/(?:rest/|app\\.ts$|main\\.ts$)' },
    },
    {
      name: 'plumbing-below-nouns',
      comment: 'database/, vault/ and outbox/ are below the nouns and must not import them.',
      severity: 'error',
      from: { path: '^subgraphs/[^/]+/src/(?:database|vault|outbox)/' },
      to: { path: '^subgraphs/[^/]+/src/(?:modules|recovery|bootstrap|import|maintenance)/' },
    },
    {
      name: 'operators-above-nouns',
      comment:
        'Code for the first start, schedules and the command line imports nouns, and no noun imports it.',
      severity: 'error',
      from: { path: '^subgraphs/[^/]+/src/modules/' },
      to: { path: '^subgraphs/[^/]+/src/(?:recovery|bootstrap|import|maintenance)/' },
    },
    {
      name: 'fast-path-behind-one-seam',
      comment: 'Only the app.ts of a service imports the fast path: all other code works without it.',
      severity: 'error',
      from: {
        path: '/src/',
        pathNot: ['^packages/fast-path/', '^(?:gateway|subgraphs/[^/]+)/src/app\\.ts$'],
      },
      to: { path: '^packages/fast-path/' },
    },
    {
      name: 'main-is-the-top',
      comment: 'main.ts has side effects and must not be imported.',
      severity: 'error',
      from: {},
      to: { path: '/src/main\\.ts$' },
    },
    ...nounRules,
    ...packages.slice(0, -1).map((name, index) => layer(name, packages.slice(index + 1))),
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/generated/(?:client|playground)/'] },
    exclude: { path: ['^packages/client/generated/', '\\.turbo/', '\\.data/', '\\.graphql$'] },
    // Type imports count too.
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      mainFields: ['module', 'main', 'types', 'typings'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json', '.node', '.d.ts'],
    },
    tsConfig: { fileName: 'tsconfig.base.json' },
  },
}
