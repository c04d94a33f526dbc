import type { ApolloServerPlugin } from '@apollo/server'
import type { DocumentNode } from 'graphql'
import { refuseOperation } from '../errors/format-error.ts'
import type { RequestContext } from '../request.ts'
import type { Variables } from './cost-expression.ts'
import { compileCost, type CostOptions } from './cost.ts'
import { compileCostExtension, wantsExtensions, type CostExtension } from './cost-extension.ts'

export type CostExtensionOf = (variables: Variables) => CostExtension

/** Computes the cost of operations, cached per document. */
export function createPricing(maximum: number) {
  const priced = new WeakMap<DocumentNode, Map<string | undefined, CostExtensionOf>>()
  return (operation: CostOptions): CostExtensionOf => {
    const { document } = operation
    const name = operation.operation.name?.value
    const ofDocument = priced.get(document) ?? new Map<string | undefined, CostExtensionOf>()
    priced.set(document, ofDocument)
    const known = ofDocument.get(name) ?? compileCostExtension(compileCost(operation), maximum)
    ofDocument.set(name, known)
    return known
  }
}

export type Pricing = ReturnType<typeof createPricing>

/** Apollo Server plugin that refuses operations above the cost limit and reports the cost of all others. */
export function costOfOperations<Context extends RequestContext>(
  price: Pricing,
): ApolloServerPlugin<Context> {
  return {
    requestDidStart: () => {
      let costExtension: CostExtension | undefined
      return Promise.resolve({
        didResolveOperation: ({ schema, document, operation, request }) => {
          if (operation)
            costExtension = answerable(() => price({ schema, document, operation })(request.variables ?? {}))
          return Promise.resolve()
        },
        willSendResponse: ({ request, response: { body } }) => {
          if (costExtension === undefined || body.kind !== 'single' || body.singleResult.data == null)
            return Promise.resolve()
          if (request.http && wantsExtensions(request.http.headers.get('prefer')))
            body.singleResult = { ...body.singleResult, extensions: costExtension.extensions }
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
