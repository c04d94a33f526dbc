import { Kind, parse } from 'graphql'

/** Characters of a document with nothing but a few sign-ins in it. */
const maxLength = 2_000

/** Whether all a document does is to exchange API keys for access tokens. */
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
