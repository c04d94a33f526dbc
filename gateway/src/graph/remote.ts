import { createHash } from 'node:crypto'
import type { Execute, KnownOperation, RequestContext } from '@user-stats/service'
import { getVariableValues, type ExecutionResult } from 'graphql'
import type { Executor, Generation } from './generation.ts'
import { isCleanAnswer, toPassThrough, type PassThrough } from './pass-through.ts'

export interface RemoteOptions {
  /** What belongs to the schema an operation was validated against. */
  readonly generation: Pick<Generation, 'executor' | 'plans' | 'guardedTypes'>
  /** Whether operations that one subgraph can answer as they are may be handed on. */
  readonly passThrough: boolean
}

/**
 * Executes an operation on the subgraphs, by its query plan or, when the plan is the operation itself, by handing it
 * on. An answer that is not plainly data is given to the gateway, as if it had asked: errors are told one way only.
 */
export function executeRemotely(
  known: KnownOperation,
  { generation: { executor, plans, guardedTypes }, passThrough }: RemoteOptions,
): Execute {
  const definitions = known.operation.variableDefinitions ?? []
  // As Apollo Server names a document, so that both find the same plan.
  const queryHash = createHash('sha256').update(known.source).digest('hex')
  let way: PassThrough | 'planned' | undefined = passThrough ? undefined : 'planned'

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
      way = toPassThrough(known, plan.queryPlan, guardedTypes) ?? 'planned'
    if (way === undefined || way === 'planned' || plan === undefined)
      return areWrong(variables) ? undefined : await planned(variables, context)

    // A subgraph that knows of no more than clients may give checks variables as well as we do.
    if (way.strict && areWrong(variables)) return undefined
    const answer = await plan.subgraphs[way.subgraph]?.hand?.(way.toOperation(variables), context)
    if (answer !== undefined && isCleanAnswer(answer.status, answer.text))
      return { text: answer.text.endsWith('\n') ? answer.text : `${answer.text}\n` }
    return areWrong(variables) ? undefined : await planned(variables, context)
  }
}

const silent = (): void => undefined
// The gateway reports what it throws; it has nothing else to say.
const quiet = { debug: silent, info: silent, warn: silent, error: silent }
