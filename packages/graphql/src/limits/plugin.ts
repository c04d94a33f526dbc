import type { ApolloServerPlugin } from '@apollo/server'
import type { DocumentNode } from 'graphql'
import { refuseOperation } from '../errors/format-error.ts'
import type { RequestContext } from '../request.ts'
import type { Variables } from './cost-expression.ts'
import { compileCost, type CostOptions } from './cost.ts'
import { costNotes, wantsNote, type CostNote } from './cost-extension.ts'

export type NoteOf = (variables: Variables) => CostNote

/** Prices operations; what was found is kept as long as their document. */
export function createPricing(maximum: number) {
  const priced = new WeakMap<DocumentNode, Map<string | undefined, NoteOf>>()
  return (operation: CostOptions): NoteOf => {
    const { document } = operation
    const name = operation.operation.name?.value
    const ofDocument = priced.get(document) ?? new Map<string | undefined, NoteOf>()
    priced.set(document, ofDocument)
    const known = ofDocument.get(name) ?? costNotes(compileCost(operation), maximum)
    ofDocument.set(name, known)
    return known
  }
}

export type Pricing = ReturnType<typeof createPricing>

/** Apollo Server's plugin that refuses what costs too much and says what the rest costs. */
export function costOfOperations<Context extends RequestContext>(
  price: Pricing,
): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () => {
      let note: CostNote | undefined
      return Promise.resolve({
        didResolveOperation: ({ schema, document, operation, request }) => {
          if (operation)
            note = answerable(() => price({ schema, document, operation })(request.variables ?? {}))
          return Promise.resolve()
        },
        willSendResponse: ({ request, response: { body } }) => {
          if (note === undefined || body.kind !== 'single' || body.singleResult.data == null)
            return Promise.resolve()
          if (request.http && wantsNote(request.http.headers.get('prefer')))
            body.singleResult = { ...body.singleResult, extensions: note.extensions }
          return Promise.resolve()
        },
      })
    },
  }
}

function answerable<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    refuseOperation(error)
  }
}
