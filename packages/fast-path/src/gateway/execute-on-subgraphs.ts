import { createHash } from 'node:crypto'
import type { ApolloServerOptionsWithGateway, BaseContext } from '@apollo/server'
import type { RequestContext } from '@user-stats/graphql'
import { getVariableValues, type DocumentNode, type ExecutionResult } from 'graphql'
import type { CachedOperation, ExecuteCached, Variables } from '../operation-cache.ts'
import { compileQueryPlan } from './compiled-query-plan.ts'
import type { ExecutionStrategy } from './execution-strategy.ts'
import { compileForward } from './forward.ts'
import { typesWithHiddenMembers } from './hidden-members.ts'
import type { ForwardTo, PlannedOperation, QueryPlan, SubgraphResponse } from './query-plan.ts'

type Gateway = NonNullable<ApolloServerOptionsWithGateway<BaseContext>['gateway']>
type Executor = NonNullable<Awaited<ReturnType<Gateway['load']>>['executor']>

/** What the gateway keeps of one version of the supergraph. */
export interface SupergraphVersion {
  readonly sdl: string
  readonly executor: Executor
  /** The plans of documents that the executor has executed. */
  readonly queryPlans: Pick<WeakMap<DocumentNode, QueryPlan>, 'get'>
  readonly subgraphs: ReadonlyMap<string, Subgraph>
}

interface Subgraph {
  readonly forward?:
    | ((operation: PlannedOperation, context: RequestContext) => Promise<SubgraphResponse | undefined>)
    | undefined
}

/**
 * Executes an operation on the subgraphs by the cheapest strategy that its query plan allows: forward, entity
 * join, or the gateway's executor. Any response that is not plain data goes to the executor, which formats
 * all errors.
 */
export function executeOnSubgraphs(operation: CachedOperation, version: SupergraphVersion): ExecuteCached {
  const execute = executeWithQueryPlanner(operation, version.executor)
  const hasInvalidVariables = createVariableCheck(operation)
  const forward: ForwardTo = (subgraph, planned, context) =>
    version.subgraphs.get(subgraph)?.forward?.(planned, context) ?? Promise.resolve(undefined)
  let strategy: ExecutionStrategy | undefined
  let isPlanned = false

  /** The executor plans an operation on its first execution; until then there is no other strategy. */
  function findStrategy(): ExecutionStrategy | undefined {
    const plan = isPlanned ? undefined : version.queryPlans.get(operation.document)
    if (plan === undefined) return strategy
    isPlanned = true
    const hidden = hiddenTypesOf(version)
    strategy = compileForward(operation, plan, hidden) ?? compileQueryPlan(operation, plan, hidden)
    return strategy
  }

  return async (variables, context) => {
    const cheaper = findStrategy()
    if (cheaper !== undefined) {
      if (cheaper.validatesVariables && hasInvalidVariables(variables)) return undefined
      const result = await cheaper.execute(variables, context, forward)
      if (result !== undefined) return result
    }
    return hasInvalidVariables(variables) ? undefined : await execute(variables, context)
  }
}

const hiddenTypes = new WeakMap<SupergraphVersion, ReadonlySet<string>>()

function hiddenTypesOf(version: SupergraphVersion): ReadonlySet<string> {
  const types = hiddenTypes.get(version) ?? typesWithHiddenMembers(version.sdl)
  hiddenTypes.set(version, types)
  return types
}

function createVariableCheck({ schema, operation }: CachedOperation): (variables: Variables) => boolean {
  const definitions = operation.variableDefinitions ?? []
  return (variables) =>
    definitions.length > 0 &&
    getVariableValues(schema, definitions, variables, { maxErrors: 1 }).errors !== undefined
}

function executeWithQueryPlanner(
  { schema, document, operation, source, name }: CachedOperation,
  executor: Executor,
) {
  // Apollo Server's hash of a document, so that both use the same cached plan.
  const queryHash = createHash('sha256').update(source).digest('hex')
  return (variables: Variables, context: RequestContext) =>
    executor({
      request: { query: source, operationName: name, variables },
      document,
      operation,
      operationName: operation.name?.value ?? null,
      source,
      queryHash,
      schema,
      context,
      metrics: {},
      logger: silentLogger,
    } as unknown as Parameters<Executor>[0]) as Promise<ExecutionResult>
}

const ignore = (): void => undefined
// The executor also throws what it logs.
const silentLogger = { debug: ignore, info: ignore, warn: ignore, error: ignore }
