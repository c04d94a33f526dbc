import { Kind, parse } from 'graphql'

/**
 * The name of a document's operation if it holds exactly one, else what was asked for.
 * For a moment after a change of tabs, GraphiQL still asks for the former tab's operation.
 */
export function onlyOperation(query: string, asked: string | null | undefined): string | null | undefined {
  try {
    const operations = parse(query).definitions.filter((one) => one.kind === Kind.OPERATION_DEFINITION)
    return operations.length === 1 ? operations[0]?.name?.value : asked
  } catch {
    // The gateway reports syntax errors.
    return asked
  }
}
