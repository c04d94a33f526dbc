import { createHash } from 'node:crypto'
import type { Execute, KnownOperation, RequestContext } from '@user-stats/graphql'
import { getVariableValues, type ExecutionResult } from 'graphql'
import type { Executor, Generation } from './supergraph-version.ts'
import { toJoin } from '../fast-path/compiled-query-plan.ts'
import { toPassThrough } from '../fast-path/forward.ts'
import type { Way } from './execution-strategy.ts'

export interface RemoteOptions {
  /** What belongs to the schema an operation was validated against. */
  readonly generation: Pick<Generation, 'executor' | 'plans' | 'guardedTypes'>
  /** Whether operations may be handed on, and their answers joined, past the gateway's executor. */
  readonly passThrough: boolean
}

/**
 * Executes an operation on the subgraphs, by its query plan or, when the plan is the operation itself, by handing it
 * on, or when it looks up entities in what one subgraph answers, by joining. An answer that is not plainly data is given to the gateway, as if it had asked: errors are told one way only.
 */
export function executeRemotely(
  known: KnownOperation,
  { generation: { executor, plans, guardedTypes }, passThrough }: RemoteOptions,
): Execute {
  const definitions = known.operation.variableDefinitions ?? []
  // As Apollo Server names a document, so that both find the same plan.
  const queryHash = createHash('sha256').update(known.source).digest('hex')
  let way: Way | 'planned' | undefined = passThrough ? undefined : 'planned'

  const planned = (variables: Parameters<Execute>[0], context: RequestContext) =>
    executor({
      request: { query: known.source, operationName: known.name, variables },
      document: known.document,
      operation: known.operation,
      operationName: known.operation.name?.value ?? null,
      source: known.source,
      queryHash,
      schema: known.schema,
      context,
      metrics: {},
      logger: quiet,
    } as unknown as Parameters<Executor>[0]) as Promise<ExecutionResult>

  const areWrong = (variables: Parameters<Execute>[0]): boolean =>
    definitions.length > 0 &&
    getVariableValues(known.schema, definitions, variables, { maxErrors: 1 }).errors !== undefined

  return async (variables, context) => {
    const plan = plans.get(known.document)
    if (way === undefined && plan !== undefined)
      way =
        toPassThrough(known, plan.queryPlan, guardedTypes) ??
        toJoin(known, plan.queryPlan, guardedTypes) ??
        'planned'
    if (way === undefined || way === 'planned' || plan === undefined)
      return areWrong(variables) ? undefined : await planned(variables, context)

    // A subgraph that knows of no more than clients may give checks variables as well as we do.
    if (way.strict && areWrong(variables)) return undefined
    const answer = await way.run(variables, context, plan.subgraphs)
    if (answer !== undefined) return answer
    return areWrong(variables) ? undefined : await planned(variables, context)
  }
}

const silent = (): void => undefined
// The gateway reports what it throws; it has nothing else to say.
const quiet = { debug: silent, info: silent, warn: silent, error: silent }
