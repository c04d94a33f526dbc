import { buildSchema, type GraphQLSchema, isEnumType, isObjectType, isScalarType } from 'graphql'
import { DateTimeScalar, JSONObjectScalar } from '@user-stats/graphql'

export type Source = Readonly<Record<string, unknown>>

const sdl = `
  scalar JSONObject
  scalar DateTime
  enum Kind { A B }
  interface Node { id: ID! }
  type Thing implements Node { id: ID! name: String! kind: Kind tags: [String] }
  type Other implements Node { id: ID! }
  union Any = Thing | Other
  input In {
    must: String!
    number: Int = 3
    data: JSONObject
    at: DateTime
    inner: Inner
    list: [Inner!]
  }
  input Inner { must: String! }
  input Deep { more: [Deep!] }
  input Choice @oneOf { a: Int b: Int }
  type Query {
    thing: Thing
    hidden: Thing
    list: [Thing]
    strict: [Thing!]
    long: [Thing]
    longStrict: [Thing!]
    any: [Any]
    fails: String
    bug: String
    echo(in: In, n: Int, k: Kind, l: [Int!], d: Deep, o: Choice): JSONObject
  }
  type Mutation { fails: String add(n: Int!): Int }
`

/** A schema with lists whose items may fail, abstract types, and inputs of all kinds. */
export function makeSchema(source: Source): GraphQLSchema {
  const schema = buildSchema(sdl)
  const types = schema.getTypeMap()
  for (const scalar of [JSONObjectScalar, DateTimeScalar]) {
    const own = types[scalar.name]
    if (isScalarType(own)) Object.assign(own, { ...pick(scalar) })
  }
  for (const name of ['Query', 'Mutation']) {
    const type = types[name]
    if (!isObjectType(type)) continue
    for (const field of Object.values(type.getFields()))
      field.resolve = (_source, args: Record<string, unknown>) => {
        if (field.name === 'echo') return JSON.parse(JSON.stringify(args)) as unknown
        if (field.name === 'add') return args['n']
        const value = source[field.name]
        return typeof value === 'function' ? (value as () => unknown)() : value
      }
  }
  if (!isEnumType(types['Kind'])) throw new Error('no enum')
  return schema
}

const pick = ({ parseValue, parseLiteral, serialize }: typeof JSONObjectScalar | typeof DateTimeScalar) => ({
  parseValue,
  parseLiteral,
  serialize,
})
