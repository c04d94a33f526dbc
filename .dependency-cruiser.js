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
      comment: 'Whoever reads one of two files must not need the other first.',
      severity: 'error',
      from: {},
      // Generated resolver types name what they are mapped to, and are named there.
      to: { circular: true, viaOnly: { pathNot: '/generated/' } },
    },
    {
      name: 'no-orphans',
      comment: 'A file nobody needs is deleted.',
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
      comment: 'What is imported exists, generated files included (`npm run generate`).',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'tests-only-in-tests',
      comment: 'What serves needs nothing that is there for tests.',
      severity: 'error',
      from: { path: '/src/', pathNot: ['\\.test\\.ts$', '^packages/[^/]+/src/testing'] },
      to: { path: ['/test/', '\\.test\\.ts$', '^packages/[^/]+/src/testing'] },
    },
    {
      name: 'no-reaching-into-workspaces',
      comment: 'A workspace is known by its package name and what that exports, never by a path.',
      severity: 'error',
      from: { path: '^((?:packages|prisma|subgraphs)/[^/]+|gateway|cli|e2e|web)/' },
      to: { path: workspace, pathNot: '^$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'packages-stand-alone',
      comment: 'Shared packages import no service, no database and not the command line.',
      severity: 'error',
      from: { path: '^packages/' },
      to: { path: '^(?:prisma|subgraphs)/[^/]+/|^(?:gateway|cli|e2e)/' },
    },
    {
      name: 'subgraphs-stand-alone',
      comment: 'Subgraphs know neither each other nor the gateway, the stack or the tests of the whole.',
      severity: 'error',
      from: { path: '^(subgraphs/[^/]+)/' },
      to: { path: '^(?:subgraphs/[^/]+|gateway|cli|e2e)/', pathNot: '^$1/' },
    },
    {
      name: 'gateway-stands-alone',
      comment: 'The gateway knows subgraphs by their URLs and databases not at all.',
      severity: 'error',
      from: { path: '^gateway/(?:src|scripts)/' },
      to: { path: '^(?:subgraphs|prisma|cli|e2e|packages/postgres)/' },
    },
    {
      name: 'databases-stand-alone',
      comment: 'A database package knows packages/postgres and nothing else of ours.',
      severity: 'error',
      from: { path: '^(prisma/[^/]+)/' },
      to: { path: workspace, pathNot: ['^$1/', '^packages/postgres/'] },
    },
    {
      name: 'nobody-builds-on-e2e',
      comment: 'The tests of the whole are the end of the line.',
      severity: 'error',
      from: { pathNot: '^e2e/' },
      to: { path: '^e2e/' },
    },
    {
      name: 'one-door-to-a-database',
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
      comment: 'Inside a subgraph the nouns know neither the REST table nor what wires them.',
      severity: 'error',
      from: { path: '^subgraphs/[^/]+/src/modules/', pathNot: '\\.test\\.ts$' },
      to: { path: '^subgraphs/[^/]+/src/(?:rest/|app\\.ts$|main\\.ts$)' },
    },
    {
      name: 'plumbing-below-nouns',
      comment: 'database/, vault/ and outbox/ serve the nouns and know none of them.',
      severity: 'error',
      from: { path: '^subgraphs/[^/]+/src/(?:database|vault|outbox)/' },
      to: { path: '^subgraphs/[^/]+/src/(?:modules|recovery|bootstrap|import|maintenance)/' },
    },
    {
      name: 'operators-above-nouns',
      comment:
        'What runs at the first start, on a schedule or from the command line uses nouns, and none uses it.',
      severity: 'error',
      from: { path: '^subgraphs/[^/]+/src/modules/' },
      to: { path: '^subgraphs/[^/]+/src/(?:recovery|bootstrap|import|maintenance)/' },
    },
    {
      name: 'fast-path-behind-one-seam',
      comment: 'Only the app.ts of a service imports the fast path: everything else works without it.',
      severity: 'error',
      from: {
        path: '/src/',
        pathNot: ['^packages/fast-path/', '^(?:gateway|subgraphs/[^/]+)/src/app\\.ts$'],
      },
      to: { path: '^packages/fast-path/' },
    },
    {
      name: 'main-is-the-top',
      comment: 'main.ts has side effects: nobody imports it.',
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
    // Types count: an arrow is an arrow.
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
