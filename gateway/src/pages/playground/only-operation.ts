import { Kind, parse } from 'graphql'

/**
 * The name of a document's operation if it contains exactly one, else the requested name. For a moment after
 * a change of tabs, GraphiQL still requests the former tab's operation.
 */
export function onlyOperation(
  query: string,
  requested: string | null | undefined,
): string | null | undefined {
  try {
    const operations = parse(query).definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION)
    return operations.length === 1 ? operations[0]?.name?.value : requested
  } catch {
    // The gateway reports syntax errors.
    return requested
  }
}
