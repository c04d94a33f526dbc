import { kinds } from './parsers.ts'

/** The gateway's limits. Subgraphs allow four times as much, and four levels more: see `behindGateway`. */
export const graphVariables = {
  GRAPH_MAX_DEPTH: {
    schema: kinds.integer(1, 100, 12),
    about:
      'Fields inside each other in an operation. Subgraphs allow four more, and four times the limits below.',
    default: '12',
  },
  GRAPH_MAX_TOKENS: {
    schema: kinds.integer(100, 1_000_000, 5_000),
    about:
      'Tokens (words and signs) of a document. An operation may have a fifth as many fields, a fiftieth as many aliases, and a hundredth as many root fields or directives.',
    default: '5000',
  },
  GRAPH_MAX_COST: {
    schema: kinds.integer(1, 1_000_000_000, 25_000),
    about:
      'Objects that an operation may answer or send, lists with all their items; see docs/adr/0014-limits.md.',
    default: '25000',
  },
} as const

type Values = Readonly<Record<keyof typeof graphVariables, number>>

/** How large an operation may be. What the variables do not say follows from the number of tokens. */
export const graphLimitsOf = ({ GRAPH_MAX_DEPTH, GRAPH_MAX_TOKENS, GRAPH_MAX_COST }: Values) => ({
  depth: GRAPH_MAX_DEPTH,
  tokens: GRAPH_MAX_TOKENS,
  cost: GRAPH_MAX_COST,
  fields: Math.ceil(GRAPH_MAX_TOKENS / 5),
  aliases: Math.ceil(GRAPH_MAX_TOKENS / 50),
  rootFields: Math.ceil(GRAPH_MAX_TOKENS / 100),
  directives: Math.ceil(GRAPH_MAX_TOKENS / 100),
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
