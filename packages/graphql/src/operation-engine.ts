import type { ApolloServerPlugin } from '@apollo/server'
import type { CostExtension } from './limits/cost-extension.ts'
import type { Pricing } from './limits/plugin.ts'
import type { GraphRequest, GraphResult, RequestContext } from './request.ts'

/** A result as JSON text, `{"data":{…}}`, that is returned to the client unparsed. */
export interface SerializedResult {
  readonly text: string
  readonly costExtension?: CostExtension
}

export type EngineResult = GraphResult | SerializedResult

/**
 * Executes operations in place of Apollo Server, once Apollo Server has parsed, validated and accepted them.
 * A graph server works without one.
 */
export interface OperationEngine {
  /** The Apollo Server plugin that adds operations to the engine. */
  readonly plugin: <Context extends RequestContext>() => ApolloServerPlugin<Context>
  /**
   * Executes an operation known to the engine.
   *
   * @returns undefined when the operation must take the ordinary path; nothing has been executed then
   * @throws OPERATION_TOO_LARGE
   */
  readonly run: (
    request: GraphRequest,
    context: RequestContext,
  ) => Promise<EngineResult | undefined> | undefined
}

/** What a graph server shares with its engine, so that both compute the same cost. */
export interface EngineTools {
  readonly price: Pricing
}

export type CreateEngine = (tools: EngineTools) => OperationEngine

/** @returns the result without the members for its sender only */
export function parseResult(result: EngineResult): GraphResult {
  if ('text' in result) return JSON.parse(result.text) as GraphResult
  const { costExtension: _costExtension, operation: _operation, ...rest } = result
  return rest
}
