import { kinds } from './parsers.ts'

/** The gateway's limits. Subgraphs allow four times as much, and four levels more: see `behindGateway`. */
export const graphVariables = {
  GRAPH_MAX_DEPTH: {
    schema: kinds.integer(1, 100, 12),
    about:
      'Fields inside each other in an operation. Subgraphs allow four more, and four times the limits below.',
    default: '12',
  },
  GRAPH_MAX_ROOT_FIELDS: {
    schema: kinds.integer(1, 100_000, 50),
    about: 'Root fields of an operation.',
    default: '50',
  },
  GRAPH_MAX_ALIASES: {
    schema: kinds.integer(0, 100_000, 100),
    about: 'Aliases in an operation.',
    default: '100',
  },
  GRAPH_MAX_DIRECTIVES: {
    schema: kinds.integer(0, 100_000, 50),
    about: 'Directives in an operation.',
    default: '50',
  },
  GRAPH_MAX_FIELDS: {
    schema: kinds.integer(1, 1_000_000, 1_000),
    about: 'Fields of an operation, those of fragments counted each time they are spread.',
    default: '1000',
  },
  GRAPH_MAX_TOKENS: {
    schema: kinds.integer(100, 1_000_000, 5_000),
    about: 'Tokens (words and signs) of a document.',
    default: '5000',
  },
  GRAPH_MAX_COST: {
    schema: kinds.integer(1, 1_000_000_000, 25_000),
    about:
      'Objects that an operation may answer or send, lists with all their items; see docs/adr/0014-bounds.md.',
    default: '25000',
  },
} as const

type Values = Readonly<Record<keyof typeof graphVariables, number>>

/** How large an operation may be, as the variables say. */
export const graphLimitsOf = (env: Values) => ({
  depth: env.GRAPH_MAX_DEPTH,
  rootFields: env.GRAPH_MAX_ROOT_FIELDS,
  aliases: env.GRAPH_MAX_ALIASES,
  directives: env.GRAPH_MAX_DIRECTIVES,
  fields: env.GRAPH_MAX_FIELDS,
  tokens: env.GRAPH_MAX_TOKENS,
  cost: env.GRAPH_MAX_COST,
})

type GraphLimits = ReturnType<typeof graphLimitsOf>

/**
 * What a subgraph allows when the gateway allows `limits`. A query plan repeats keys, writes fragments out and
 * fetches entities by a list of what they are known by: what one client may ask must not fail behind the gateway.
 */
export const behindGateway = ({ depth, ...limits }: GraphLimits): GraphLimits => ({
  ...(Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, value * 4])) as unknown as Omit<
    GraphLimits,
    'depth'
  >),
  depth: depth + 4,
})
