/** A GraphQL document whose shape is meant to cost more than its bytes; sent by anybody, with and without a token. */
export interface HostileDocument {
  readonly name: string
  readonly query: string
  readonly variables?: Readonly<Record<string, unknown>>
}

const repeat = (count: number, unit: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => unit(at)).join(' ')

export const documents: readonly HostileDocument[] = [
  {
    name: 'spreads of fragments that do not exist',
    query: `{${repeat(2_400, (at) => `...X${String(at)}`)}}`,
  },
  { name: 'the same field again and again', query: `{${repeat(2_400, () => '__typename')}}` },
  { name: 'aliases', query: `{${repeat(1_200, (at) => `a${String(at)}: __typename`)}}` },
  { name: 'nested selections', query: `${'{a'.repeat(199)}${'}'.repeat(199)}` },
]
