import type { KnownOperation, RequestContext } from '@user-stats/graphql'
import { OperationTypeNode } from 'graphql'
import type { Subgraph } from '../subgraphs/subgraph-data-source.ts'
import { toOperation } from '../subgraphs/subgraph-operation.ts'
import { isCleanAnswer, showsAny, type QueryPlan } from './forward.ts'
import { shapeOfSelection, Unexpected, type Data } from './projection.ts'
import type { Way } from '../supergraph/execution-strategy.ts'

type Node = NonNullable<QueryPlan['node']>
type PlanNode = Exclude<Node, { readonly kind: 'Subscription' }>
type Fetch = Extract<Node, { readonly kind: 'Fetch' }>
type Requires = NonNullable<Fetch['requires']>

/** What one execution works on. */
interface Run {
  readonly variables: Data
  readonly context: RequestContext
  readonly subgraphs: Readonly<Record<string, Subgraph>>
  readonly data: Record<string, unknown>
}
type Step = (run: Run) => Promise<void>

/**
 * A query plan that fetches data and then looks up entities in it, compiled. The gateway's own executor shapes an
 * operation anew for each request, which costs more than all the rest of it. Whatever is unusual is left to it: in the
 * operation, in its plan, and in an answer; what was answered already is not asked for again.
 *
 * @param guarded enum types of which clients must not see every value
 */
export function toJoin(
  { schema, document, operation }: KnownOperation,
  { node }: QueryPlan,
  guarded: ReadonlySet<string>,
): Way | undefined {
  const root = schema.getQueryType()
  if (operation.operation !== OperationTypeNode.QUERY || document.definitions.length !== 1 || !root)
    return undefined
  if (node === undefined || node.kind === 'Subscription' || showsAny(guarded, schema, document))
    return undefined
  const texts = new Set<string>()
  const step = toStep(node, texts)
  const shape = shapeOfSelection(root, operation.selectionSet)
  if (step === undefined || shape === undefined) return undefined
  return {
    strict: true,
    run: async (variables, context, subgraphs) => {
      const run = { variables, context, subgraphs, data: {} }
      try {
        await step(run)
        const data = shape(run.data)
        return data === undefined ? undefined : { text: `${JSON.stringify({ data })}\n` }
      } catch (error) {
        if (error instanceof Unexpected) return undefined
        throw error
      }
    },
  }
}

function toStep(node: PlanNode, texts: Set<string>): Step | undefined {
  switch (node.kind) {
    case 'Fetch':
      return node.requires ? undefined : fetching(node, texts)
    case 'Flatten':
      return node.node.kind === 'Fetch' && node.node.requires
        ? joining(node.node, node.node.requires, node.path, texts)
        : undefined
    case 'Sequence': {
      const steps = toSteps(node.nodes, texts)
      return (
        steps &&
        (async (run) => {
          for (const step of steps) await step(run)
        })
      )
    }
    case 'Parallel': {
      const steps = toSteps(node.nodes, texts)
      return (
        steps &&
        (async (run) => {
          await Promise.all(steps.map((step) => step(run)))
        })
      )
    }
    default:
      return undefined
  }
}

function toSteps(nodes: readonly PlanNode[], texts: Set<string>): readonly Step[] | undefined {
  const steps = nodes.map((node) => toStep(node, texts))
  return steps.includes(undefined) ? undefined : (steps as Step[])
}

type Ask = (run: Run, more?: Data) => Promise<Data>

/** Sends a fetch; each of a plan is another, so that answers are told apart by what was asked. */
function asking(fetch: Fetch, texts: Set<string>): Ask | undefined {
  const { serviceName, operation, operationName, variableUsages = [], hasDefers } = fetch
  const rewritten = [fetch.inputRewrites, fetch.outputRewrites, fetch.contextRewrites].some(
    (list) => list && list.length > 0,
  )
  if (rewritten || hasDefers === true || texts.has(operation)) return undefined
  texts.add(operation)
  return async ({ subgraphs, variables, context }, more) => {
    const used: Record<string, unknown> = {}
    for (const name of variableUsages)
      if (Object.hasOwn(variables, name) && variables[name] !== undefined) used[name] = variables[name]
    const request = { query: operation, operationName, variables: { ...used, ...more } }
    const answer = await subgraphs[serviceName]?.hand?.(toOperation(request), context)
    if (answer === undefined || !isCleanAnswer(answer.status, answer.text)) throw new Unexpected()
    return (JSON.parse(answer.text) as { readonly data: Data }).data
  }
}

function fetching(fetch: Fetch, texts: Set<string>): Step | undefined {
  const ask = asking(fetch, texts)
  return (
    ask &&
    (async (run) => {
      merge(run.data, await ask(run))
    })
  )
}

/** Looks up the entities at a path, and adds to each what is found. */
function joining(
  fetch: Fetch,
  requires: Requires,
  path: readonly (string | number)[],
  texts: Set<string>,
): Step | undefined {
  const ask = asking(fetch, texts)
  const keys = keysOf(requires)
  // A type condition in a path is for abstract types.
  const plain = path.every((part) => part === '@' || /^\w+$/.test(String(part)))
  if (ask === undefined || keys === undefined || !plain) return undefined
  return async (run) => {
    const entities: Record<string, unknown>[] = []
    collect(run.data, path, 0, entities)
    const representations = entities.map((entity) => representationOf(entity, keys))
    if (representations.length === 0) return
    const { _entities: found } = await ask(run, { representations })
    if (!Array.isArray(found) || found.length !== entities.length) throw new Unexpected()
    for (const [at, entity] of entities.entries()) {
      const more = found[at] as Data | null
      if (more !== null) merge(entity, more)
    }
  }
}

/** By type: the members that say which entity it is. */
function keysOf(requires: Requires): ReadonlyMap<string, readonly string[]> | undefined {
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

function representationOf(entity: Data, keys: ReadonlyMap<string, readonly string[]>): Data {
  const names = keys.get(String(entity['__typename']))
  if (names === undefined) throw new Unexpected()
  const representation: Record<string, unknown> = {}
  for (const name of names) {
    const value = entity[name]
    if (value === undefined || value === null || typeof value === 'object') throw new Unexpected()
    representation[name] = value
  }
  return representation
}

/** The objects at a path; `@` stands for all of a list. */
function collect(
  value: unknown,
  path: readonly (string | number)[],
  depth: number,
  found: Record<string, unknown>[],
): void {
  if (value === null || value === undefined) return
  const part = path[depth]
  if (part === '@') {
    if (!Array.isArray(value)) throw new Unexpected()
    for (const one of value) collect(one, path, depth + 1, found)
  } else if (typeof value !== 'object' || Array.isArray(value)) throw new Unexpected()
  else if (part === undefined) found.push(value as Record<string, unknown>)
  else collect((value as Data)[String(part)], path, depth + 1, found)
}

const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Adds members, and those of objects that both have. No key begins with `__` but `__typename`. */
function merge(target: Record<string, unknown>, more: Data): void {
  for (const [key, value] of Object.entries(more)) {
    const held = target[key]
    if (isPlainObject(held) && isPlainObject(value)) merge(held, value)
    // Lists that both have something of are left to the gateway.
    else if (Array.isArray(held) && Array.isArray(value)) throw new Unexpected()
    else target[key] = value
  }
}
