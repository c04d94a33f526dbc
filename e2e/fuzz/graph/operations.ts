import fc from 'fast-check'
import {
  getNamedType,
  isNonNullType,
  isObjectType,
  isUnionType,
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  type GraphQLUnionType,
} from 'graphql'
import { fittingInput } from '../arbitraries/graph-values.ts'
import { present, rarely, sometimes } from '../arbitraries/frequency.ts'
import type { Raw } from '../raw-json.ts'

/** A selected field. */
export interface Selection {
  readonly field: string
  readonly alias: string | undefined
  readonly args: readonly Argument[]
  readonly directive: string | undefined
  /** Stands in an inline fragment; of a union, for this one of its types. */
  readonly fragment: boolean
  readonly on?: string
  readonly fields: readonly Selection[]
}

interface Argument {
  readonly name: string
  readonly value: Raw
  /** The type of the variable it is sent as; none when it stands in the document. */
  readonly variable: string | undefined
}

export interface Operation {
  readonly kind: 'query' | 'mutation'
  readonly root: Selection
}

const deepest = 4

type AnyField = GraphQLField<unknown, unknown>

const isRequired = ({ type, defaultValue }: GraphQLArgument): boolean =>
  isNonNullType(type) && defaultValue === undefined

/** Sometimes in the document, more often as variables: only these make the same document again. */
const argumentsOf = (field: AnyField, rarelyAny: boolean): fc.Arbitrary<Argument[]> =>
  present(
    field.args.map((argument) => {
      const { name, type } = argument
      const value = fc.record({
        name: fc.constant(name),
        value: fittingInput(type, name),
        variable: fc.oneof(
          { weight: 3, arbitrary: fc.constant(String(type)) },
          { weight: 1, arbitrary: fc.constant(undefined) },
        ),
      })
      if (isRequired(argument)) return rarely(fc.constant(undefined), 60).chain(() => value)
      return rarelyAny ? rarely(value, 8) : sometimes(value)
    }),
  )

const directive = rarely(
  fc.constantFrom(
    '@include(if: true)',
    '@skip(if: false)',
    '@skip(if: true)',
    '@include(if: true) @skip(if: false)',
  ),
  12,
)

function selectionOf(field: AnyField, depth: number): fc.Arbitrary<Selection> {
  const type = getNamedType(field.type)
  return fc.record({
    field: fc.constant(field.name),
    alias: rarely(fc.constantFrom('a', 'b', 'constructor', '__proto', 'toString'), 10),
    args: argumentsOf(field, depth > 1),
    directive,
    fragment: rarely(fc.constant(true), 8).map((it) => it === true),
    fields: isObjectType(type)
      ? fieldsOf(type, depth)
      : isUnionType(type)
        ? membersOf(type, depth)
        : fc.constant([]),
  })
}

/** Some fields of a type; of a name that occurs twice, the first. */
function fieldsOf(type: GraphQLObjectType, depth: number): fc.Arbitrary<Selection[]> {
  const fields = Object.values(type.getFields()).filter(
    (field) => depth < deepest || !isObjectType(getNamedType(field.type)),
  )
  const [first, ...others] = fields
  if (first === undefined) return fc.constant([typename])
  const any = fc.oneof(...[first, ...others].map((field) => lazily(() => selectionOf(field, depth + 1))))
  return fc
    .array(fc.oneof({ weight: 12, arbitrary: any }, { weight: 1, arbitrary: fc.constant(typename) }), {
      minLength: 1,
      maxLength: 5,
    })
    .map((list) =>
      [
        ...new Map(list.toReversed().map((selection) => [responseName(selection), selection])).values(),
      ].toReversed(),
    )
}

/** Fields of one type of a union, and of each what it is. */
const membersOf = (union: GraphQLUnionType, depth: number): fc.Arbitrary<Selection[]> =>
  fc.oneof(
    ...union
      .getTypes()
      .map((type) =>
        fieldsOf(type, depth).map((fields) => [
          typename,
          ...fields
            .filter((field) => responseName(field) !== '__typename')
            .map((field) => ({ ...field, fragment: true, on: type.name })),
        ]),
      ),
  )

/** Types name each other in circles: what is not drawn is not made. */
const lazily = <T>(make: () => fc.Arbitrary<T>): fc.Arbitrary<T> => fc.constant(undefined).chain(make)

const typename: Selection = {
  field: '__typename',
  alias: undefined,
  args: [],
  directive: undefined,
  fragment: false,
  fields: [],
}

/** What a field is called in the answer. */
export const responseName = ({ alias, field }: Selection): string => alias ?? field

/** Each operation that a schema has, by its name. */
export function operationsOf(schema: GraphQLSchema): Map<string, fc.Arbitrary<Operation>> {
  const of = (kind: Operation['kind'], type: GraphQLObjectType | null | undefined) =>
    Object.values(type?.getFields() ?? {}).map(
      (field) =>
        [`${kind} ${field.name}`, selectionOf(field, 1).map((root): Operation => ({ kind, root }))] as const,
    )
  return new Map([...of('query', schema.getQueryType()), ...of('mutation', schema.getMutationType())])
}
