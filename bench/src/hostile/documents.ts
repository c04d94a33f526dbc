/** A GraphQL document whose shape costs more than its bytes; sent with and without a token. */
export interface HostileDocument {
  readonly name: string
  readonly query: string
  readonly variables?: Readonly<Record<string, unknown>>
}

const repeat = (count: number, unit: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => unit(at)).join(' ')

/** Fragments of which each spreads the next. */
const chain = (length: number, last: string): string =>
  repeat(
    length,
    (at) => `fragment F${String(at)} on Query{...${at + 1 === length ? last : `F${String(at + 1)}`}}`,
  )

const list = (length: number, item: string): string => `[${repeat(length, () => item)}]`

/** Series by the hour of a month in groups: points without recorded events. */
const series = (roots: number, top: number): string =>
  repeat(
    roots,
    (at) =>
      `s${String(at)}: eventSeries(filter: { fromDay: "2026-01-01", toDay: "2026-02-01" }, granularity: HOUR, groupBy: { by: TYPE, top: ${String(top)} }) { points { start end users } groups { key points { start end events users } } }`,
  )

export const documents: readonly HostileDocument[] = [
  {
    name: 'spreads of fragments that do not exist',
    query: `{${repeat(2_400, (at) => `...X${String(at)}`)}}`,
  },
  { name: 'as many of them as are allowed', query: `{${repeat(100, (at) => `...X${String(at)}`)}}` },
  { name: 'a chain of fragments', query: `{...F0} ${chain(600, 'X')}` },
  { name: 'a circle of fragments', query: `{...F0} ${chain(90, 'F0')}` },
  { name: 'a large circle of fragments', query: `{...F0} ${chain(600, 'F0')}` },
  {
    name: 'fragments that spread each other',
    query: `{...F0} ${repeat(30, (at) => `fragment F${String(at)} on Query{${repeat(30, (to) => `...F${String(to)}`)}}`)}`,
  },
  {
    name: 'many operations over many fragments',
    query: `${repeat(300, (at) => `query Q${String(at)}{...F0}`)} ${chain(300, 'X')}`,
  },
  { name: 'the same field again and again', query: `{${repeat(2_400, () => '__typename')}}` },
  {
    name: 'the same field with many arguments',
    query: `{${repeat(50, () => `topEventTypes(limit: ${list(80, '1')}) { type }`)}}`,
  },
  { name: 'aliases', query: `{${repeat(1_200, (at) => `a${String(at)}: __typename`)}}` },
  { name: 'variables', query: `query(${repeat(1_200, (at) => `$v${String(at)}: Int`)}){__typename}` },
  { name: 'directives', query: `query(${repeat(1_200, (at) => `$v${String(at)}: Int @d`)}){__typename}` },
  { name: 'unknown fields', query: `{${repeat(50, (at) => `evnts${String(at)}`)}}` },
  { name: 'a long list', query: `{topEventTypes(limit: ${list(4_900, '1')}) { type }}` },
  { name: 'comments', query: `{__typename ${'#\n'.repeat(60_000)}}` },
  { name: 'a block string', query: `{topEventTypes(limit: """${'\n'.repeat(120_000)}""") { type }}` },
  { name: 'nested selections', query: `${'{a'.repeat(199)}${'}'.repeat(199)}` },
  {
    name: 'the schema many times over',
    query: `{__schema{types{${repeat(90, (at) => `a${String(at)}: fields{type{fields{name}}}`)}}}}`,
  },
  { name: 'fifty series', query: `{${series(50, 100)}}` },
  { name: 'as long a series as is allowed', query: `{${series(1, 24)}}` },
  {
    name: 'many joins',
    query: `{${repeat(45, (at) => `a${String(at)}: events(first: 1) { nodes { user { email eventCount } store { name } } }`)}}`,
  },
]
