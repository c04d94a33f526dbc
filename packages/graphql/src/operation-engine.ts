import type { ApolloServerPlugin } from '@apollo/server'
import type { CostNote } from './limits/cost-extension.ts'
import type { Pricing } from './limits/plugin.ts'
import type { GraphRequest, GraphResult, RequestContext } from './request.ts'

/** A result as JSON text, `{"data":{…}}`, that is returned to the client unparsed. */
export interface SerializedResult {
  readonly text: string
  readonly note?: CostNote
}

export type EngineResult = GraphResult | SerializedResult

/**
 * Executes operations in place of Apollo Server, once Apollo Server has parsed, validated and admitted them. A graph
 * server works without one.
 */
export interface OperationEngine {
  /** Apollo Server's plugin through which the engine learns operations. */
  readonly plugin: <Context extends RequestContext>() => ApolloServerPlugin<Context>
  /**
   * Executes an operation that the engine has learned.
   *
   * @returns undefined when the operation must take the ordinary path; nothing has been executed then
   * @throws OPERATION_TOO_LARGE
   */
  readonly run: (
    request: GraphRequest,
    context: RequestContext,
  ) => Promise<EngineResult | undefined> | undefined
}

/** What a graph server and its engine share, so that both price operations alike. */
export interface EngineTools {
  readonly price: Pricing
}

export type CreateEngine = (tools: EngineTools) => OperationEngine

/** @returns the result without what only its sender needs */
export function parseResult(result: EngineResult): GraphResult {
  if ('text' in result) return JSON.parse(result.text) as GraphResult
  const { note: _note, operation: _operation, ...rest } = result
  return rest
}
