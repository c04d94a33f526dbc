import {
  getNamedType,
  isInputObjectType,
  Kind,
  parse,
  typeFromAST,
  TypeInfo,
  visit,
  visitWithTypeInfo,
  type ConstDirectiveNode,
  type DocumentNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  type NamedTypeNode,
  type OperationDefinitionNode,
} from 'graphql'

const isInaccessible = ({
  directives,
}: {
  readonly directives?: readonly ConstDirectiveNode[] | undefined
}): boolean => directives?.some(({ name }) => name.value.endsWith('inaccessible')) === true

/** Names of the enum types with `@inaccessible` values and of the input types with `@inaccessible` fields. */
export function typesWithHiddenMembers(supergraph: string): ReadonlySet<string> {
  const found = new Set<string>()
  for (const definition of parse(supergraph, { noLocation: true }).definitions)
    if (
      (definition.kind === Kind.ENUM_TYPE_DEFINITION && definition.values?.some(isInaccessible)) ||
      (definition.kind === Kind.INPUT_OBJECT_TYPE_DEFINITION && definition.fields?.some(isInaccessible))
    )
      found.add(definition.name.value)
  return found
}

/** Whether a document selects fields of any of these types. */
export function selectsAny(
  names: ReadonlySet<string>,
  schema: GraphQLSchema,
  document: DocumentNode,
): boolean {
  const types = new TypeInfo(schema)
  const selected = new Set<string>()
  visit(
    document,
    visitWithTypeInfo(types, {
      Field: () => {
        const type = getNamedType(types.getType())
        if (type) selected.add(type.name)
      },
    }),
  )
  return !names.isDisjointFrom(selected)
}

/** Whether variables of an operation contain any of these types, at any depth. */
export function acceptsAny(
  names: ReadonlySet<string>,
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
): boolean {
  const accepted = new Set<GraphQLNamedType>()
  const visitType = (type: GraphQLNamedType | undefined): void => {
    if (type === undefined || accepted.has(type)) return
    accepted.add(type)
    if (isInputObjectType(type))
      for (const field of Object.values(type.getFields())) visitType(getNamedType(field.type))
  }
  for (const { type } of variableDefinitions)
    visitType(getNamedType(typeFromAST(schema, type as NamedTypeNode)))
  return [...accepted].some(({ name }) => names.has(name))
}
