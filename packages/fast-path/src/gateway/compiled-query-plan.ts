import { parseAnswer, serializeAnswer, type RequestContext } from '@user-stats/graphql'
import { OperationTypeNode } from 'graphql'
import type { CachedOperation, Variables } from '../operation-cache.ts'
import type { ExecutionStrategy } from './execution-strategy.ts'
import { selectsAny } from './hidden-members.ts'
import { compileProjection, UnsupportedResponseError, type Data } from './projection.ts'
import {
  isDataOnly,
  isPlainFetch,
  type FetchNode,
  type ForwardTo,
  type PlanNode,
  type QueryPlan,
} from './query-plan.ts'

type Requires = NonNullable<FetchNode['requires']>

/** The state of one execution. */
interface Execution {
  readonly variables: Variables
  readonly context: RequestContext
  readonly forward: ForwardTo
  readonly data: Record<string, unknown>
}
type Step = (execution: Execution) => Promise<void>

/**
 * Compiles a query plan that fetches data and joins entities into it. Apollo's executor analyses the
 * operation anew for each request, which costs more than the rest. Anything unusual in the operation, its
 * plan or a response is left to the executor, which is not sent again what a subgraph has already returned.
 *
 * @param hidden types of which clients must not see every member
 */
export function compileQueryPlan(
  { schema, document, operation }: CachedOperation,
  { node }: QueryPlan,
  hidden: ReadonlySet<string>,
): ExecutionStrategy | undefined {
  const root = schema.getQueryType()
  if (operation.operation !== OperationTypeNode.QUERY || document.definitions.length !== 1 || !root)
    return undefined
  if (node === undefined || node.kind === 'Subscription' || selectsAny(hidden, schema, document))
    return undefined
  const step = compileNode(node, new Set())
  const project = compileProjection(root, operation.selectionSet)
  if (step === undefined || project === undefined) return undefined
  return {
    validatesVariables: true,
    execute: async (variables, context, forward) => {
      const execution = { variables, context, forward, data: {} }
      try {
        await step(execution)
        const data = project(execution.data)
        return data === undefined ? undefined : { text: `${await serializeAnswer({ data })}\n` }
      } catch (error) {
        if (error instanceof UnsupportedResponseError) return undefined
        throw error
      }
    },
  }
}

/** @param documents the documents of the plan so far */
function compileNode(node: PlanNode, documents: Set<string>): Step | undefined {
  switch (node.kind) {
    case 'Fetch':
      return node.requires ? undefined : compileRootFetch(node, documents)
    case 'Flatten':
      return node.node.kind === 'Fetch' && node.node.requires
        ? compileEntityFetch(node.node, node.node.requires, node.path, documents)
        : undefined
    case 'Sequence': {
      const steps = compileNodes(node.nodes, documents)
      return (
        steps &&
        (async (execution) => {
          for (const step of steps) await step(execution)
        })
      )
    }
    case 'Parallel': {
      const steps = compileNodes(node.nodes, documents)
      return (
        steps &&
        (async (execution) => {
          await Promise.all(steps.map((step) => step(execution)))
        })
      )
    }
    default:
      return undefined
  }
}

function compileNodes(nodes: readonly PlanNode[], documents: Set<string>): readonly Step[] | undefined {
  const steps = nodes.map((node) => compileNode(node, documents))
  return steps.includes(undefined) ? undefined : (steps as Step[])
}

type Fetch = (execution: Execution, representations?: Data) => Promise<Data>

/**
 * Compiles one request. Its document must be unique in the plan: forwarded responses are found by document.
 */
function compileFetch(node: FetchNode, documents: Set<string>): Fetch | undefined {
  const { serviceName, operation: query, operationName, variableUsages = [] } = node
  if (!isPlainFetch(node) || documents.has(query)) return undefined
  documents.add(query)
  return async ({ variables, context, forward }, representations) => {
    const used: Record<string, unknown> = {}
    for (const name of variableUsages)
      if (Object.hasOwn(variables, name) && variables[name] !== undefined) used[name] = variables[name]
    const planned = { query, operationName, variables: { ...used, ...representations } }
    const response = await forward(serviceName, planned, context)
    if (response === undefined || !isDataOnly(response)) throw new UnsupportedResponseError()
    return ((await parseAnswer(response.text)) as { readonly data: Data }).data
  }
}

function compileRootFetch(node: FetchNode, documents: Set<string>): Step | undefined {
  const fetch = compileFetch(node, documents)
  return (
    fetch &&
    (async (execution) => {
      merge(execution.data, await fetch(execution))
    })
  )
}

/** Fetches the entities at a path and merges what the subgraph returns into them. */
function compileEntityFetch(
  node: FetchNode,
  requires: Requires,
  path: readonly (string | number)[],
  documents: Set<string>,
): Step | undefined {
  const fetch = compileFetch(node, documents)
  const keys = keyFieldsByType(requires)
  // Paths through abstract types carry type conditions.
  const isPlainPath = path.every((part) => part === '@' || /^\w+$/.test(String(part)))
  if (fetch === undefined || keys === undefined || !isPlainPath) return undefined
  return async (execution) => {
    const entities: Record<string, unknown>[] = []
    collectEntities(execution.data, path, 0, entities)
    const representations = entities.map((entity) => toRepresentation(entity, keys))
    if (representations.length === 0) return
    const { _entities: fetched } = await fetch(execution, { representations })
    if (!Array.isArray(fetched) || fetched.length !== entities.length) throw new UnsupportedResponseError()
    for (const [index, entity] of entities.entries()) {
      const members = fetched[index] as Data | null
      if (members !== null) merge(entity, members)
    }
  }
}

function keyFieldsByType(requires: Requires): ReadonlyMap<string, readonly string[]> | undefined {
  const keys = new Map<string, readonly string[]>()
  for (const selection of requires) {
    if (selection.kind !== 'InlineFragment' || selection.typeCondition === undefined) return undefined
    const names: string[] = []
    for (const field of selection.selections) {
      if (field.kind !== 'Field' || field.selections !== undefined || field.alias !== undefined)
        return undefined
      names.push(field.name)
    }
    if (keys.has(selection.typeCondition)) return undefined
    keys.set(selection.typeCondition, names)
  }
  return keys
}

function toRepresentation(entity: Data, keys: ReadonlyMap<string, readonly string[]>): Data {
  const names = keys.get(String(entity['__typename']))
  if (names === undefined) throw new UnsupportedResponseError()
  const representation: Record<string, unknown> = {}
  for (const name of names) {
    const value = entity[name]
    if (value === undefined || value === null || typeof value === 'object')
      throw new UnsupportedResponseError()
    representation[name] = value
  }
  return representation
}

/** Collects the objects at a path, in which `@` stands for every item of a list. */
function collectEntities(
  value: unknown,
  path: readonly (string | number)[],
  depth: number,
  entities: Record<string, unknown>[],
): void {
  if (value === null || value === undefined) return
  const part = path[depth]
  if (part === '@') {
    if (!Array.isArray(value)) throw new UnsupportedResponseError()
    for (const item of value) collectEntities(item, path, depth + 1, entities)
  } else if (typeof value !== 'object' || Array.isArray(value)) throw new UnsupportedResponseError()
  else if (part === undefined) entities.push(value as Record<string, unknown>)
  else collectEntities((value as Data)[String(part)], path, depth + 1, entities)
}

const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Merges objects deeply. Members never begin with `__`, `__typename` apart. */
function merge(target: Record<string, unknown>, source: Data): void {
  for (const [key, value] of Object.entries(source)) {
    const existing = target[key]
    if (isPlainObject(existing) && isPlainObject(value)) merge(existing, value)
    // Which items of two lists belong together is left to the executor.
    else if (Array.isArray(existing) && Array.isArray(value)) throw new UnsupportedResponseError()
    else target[key] = value
  }
}
