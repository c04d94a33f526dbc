import { parsers } from './parsers.ts'

/** The gateway's limits. Subgraphs allow four times as much, and four levels more: see `subgraphLimits`. */
export const graphVariables = {
  GRAPH_MAX_DEPTH: {
    schema: parsers.integer(1, 100, 12),
    about: 'Nested fields of an operation. Subgraphs allow four more, and four times the limits below.',
    default: '12',
  },
  GRAPH_MAX_TOKENS: {
    schema: parsers.integer(100, 1_000_000, 5_000),
    about:
      'Lexical tokens of a document. An operation may have a fifth as many fields, a fiftieth as many aliases, and a hundredth as many root fields or directives.',
    default: '5000',
  },
  GRAPH_MAX_COST: {
    schema: parsers.integer(1, 1_000_000_000, 25_000),
    about:
      'Objects in the input and the response of an operation, including all items of lists; see docs/adr/0014-limits.md.',
    default: '25000',
  },
} as const

type Values = Readonly<Record<keyof typeof graphVariables, number>>

/** Maximum size of an operation. Limits without a variable follow from the number of tokens. */
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
 * The limits of a subgraph behind a gateway with `limits`. A query plan repeats keys, expands fragments and
 * fetches entities by a list of keys: an operation that the gateway accepts must not fail behind it.
 */
export const subgraphLimits = ({ depth, ...limits }: GraphLimits): GraphLimits => ({
  ...(Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, value * 4])) as unknown as Omit<
    GraphLimits,
    'depth'
  >),
  depth: depth + 4,
})
