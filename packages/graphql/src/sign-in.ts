import { Kind, parse } from 'graphql'

/** Maximum characters of a document that only contains a few sign-ins. */
const maxLength = 2_000

/** Whether a document only exchanges API keys for access tokens. */
export function isSignIn(document: unknown): boolean {
  if (typeof document !== 'string' || document.length > maxLength) return false
  if (!document.includes('authenticate')) return false
  try {
    return parse(document, { noLocation: true }).definitions.every(
      (definition) =>
        definition.kind === Kind.OPERATION_DEFINITION &&
        definition.selectionSet.selections.every(
          (selection) => selection.kind === Kind.FIELD && selection.name.value === 'authenticate',
        ),
    )
  } catch {
    return false
  }
}
