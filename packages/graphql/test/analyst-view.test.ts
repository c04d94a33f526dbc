import { expect, test } from '@jest/globals'
import { parse, print } from 'graphql'
import { forAnalysts } from '../src/audience/analyst-schema.ts'

const typeDefs = parse(`
  type Query
  type Mutation { change(input: Change!): Secret! @tag(name: "withheld") }
  extend type Query {
    days(kind: Kind, filter: Filter, userId: ID @tag(name: "withheld")): [Day!]! @tag(name: "analyst")
    secrets: [Secret!]! @tag(name: "withheld")
    undecided: Int
    internal: Int @tag(name: "analyst") @inaccessible
  }
  extend type Query { more: Int }
  type Day { date: Date! @tag(name: "analyst") secret: Secret next: Day @tag(name: "analyst") }
  type Secret @tag(name: "withheld") { name: String! kind: Other }
  enum Kind { A B }
  enum Other { C }
  input Filter { from: Date, email: String @tag(name: "withheld") }
  input Change { to: Date }
  scalar Date
  scalar Unused
`)
const all = {
  Query: { days: () => [], secrets: () => [] },
  Mutation: { change: () => null },
  Day: { __resolveReference: () => null, secret: () => null, next: () => null },
  Secret: { name: () => 'n' },
}

test('analysts are served fields tagged for them and the types these return; untagged fields are withheld', () => {
  const seen = forAnalysts({ typeDefs, resolvers: all })
  expect(print(seen.typeDefs)).toBe(
    print(
      parse(`
        type Query
        extend type Query { days(kind: Kind, filter: Filter): [Day!]! @tag(name: "analyst") }
        type Day { date: Date! @tag(name: "analyst") next: Day @tag(name: "analyst") }
        enum Kind { A B }
        input Filter { from: Date }
        scalar Date
      `),
    ),
  )
  expect(
    Object.entries(seen.resolvers).map(([type, fields]) => [type, Object.keys(fields as object)]),
  ).toEqual([
    ['Query', ['days']],
    ['Day', ['__resolveReference', 'next']],
  ])
})
