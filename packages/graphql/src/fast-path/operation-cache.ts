import { HeaderMap, type ApolloServerPlugin, type GraphQLRequestContext } from '@apollo/server'
import {
  getOperationAST,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import type { CostNote } from '../limits/cost-extension.ts'
import type { NoteOf, Pricing } from '../limits/plugin.ts'
import { formatErrors, type ErrorFormatter } from '../errors/format-error.ts'
import { introspects } from '../plugins/introspection.ts'
import type { GraphRequest, GraphResult, RequestContext } from '../request.ts'

/** An operation that Apollo Server has parsed, validated and found without introspection. */
export interface KnownOperation {
  readonly schema: GraphQLSchema
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  readonly source: string
  /** As the client named it; undefined when the document has one operation only and it named none. */
  readonly name: string | undefined
}

/** An answer as bytes that need no look inside. */
export interface Verbatim {
  readonly text: string
  readonly note?: CostNote
}

/**
 * Executes one operation again and again.
 *
 * @returns undefined when nothing was executed because the variables are wrong
 */
export type Execute = (
  variables: Readonly<Record<string, unknown>>,
  context: RequestContext,
) => Started | Promise<Started>
type Started = ExecutionResult | Verbatim | undefined

/** An answer without what is only of use on its way. */
export function resultOf(answer: GraphResult | Verbatim): GraphResult {
  if ('text' in answer) return JSON.parse(answer.text) as GraphResult
  const { note: _note, ...result } = answer
  return result
}

export interface ShortPathOptions {
  readonly price: Pricing
  readonly prepare: (operation: KnownOperation) => Execute
  readonly formatError: ErrorFormatter
  /** Takes even the first use of an operation once Apollo Server has let it through: for tests. */
  readonly always?: boolean
  /** Operations remembered at most. */
  readonly maxOperations?: number
  /** Characters of all of them together. */
  readonly maxCharacters?: number
}

interface Known {
  readonly operation: KnownOperation
  execute?: Execute
  noteOf?: NoteOf
}

const keyOf = (source: string, name: string | undefined): string =>
  name === undefined ? source : `${name}\0${source}`

/**
 * The way past Apollo Server for operations that it has let through before. What it did for them once (parsing,
 * validation, limits, introspection rules) is not done again; variables, errors and masking are treated as there.
 * Strangers, and whatever is new or wrong, go the ordinary way. Prepared operations end with their schema.
 */
export function createShortPath({
  price,
  prepare,
  formatError,
  always = false,
  maxOperations = 2_000,
  maxCharacters = 8_000_000,
}: ShortPathOptions) {
  let schema: GraphQLSchema | undefined
  const known = new LRUCache<string, Known>({
    max: maxOperations,
    maxSize: maxCharacters,
    sizeCalculation: (_value, key) => key.length,
  })

  function learn(operation: KnownOperation): void {
    // It was validated before the schema changed.
    if (operation.schema !== schema) return
    const key = keyOf(operation.source, operation.name)
    if (!known.has(key)) known.set(key, { operation })
  }

  async function finish(
    execute: Execute,
    note: CostNote,
    ...[variables, context]: Parameters<Execute>
  ): Promise<GraphResult | Verbatim | undefined> {
    try {
      const result = await execute(variables, context)
      if (result === undefined) return undefined
      if ('text' in result) return { text: result.text, note }
      const { data, errors } = result
      return {
        ...(data !== undefined && { data }),
        ...(errors && { errors: formatErrors(errors, formatError, context.log) }),
        ...(data != null && { note }),
      }
    } catch (error) {
      return { errors: formatErrors([error], formatError, context.log) }
    }
  }

  /**
   * Executes an operation if it is known; undefined when it has to go the ordinary way.
   *
   * @throws OPERATION_TOO_LARGE
   */
  function run(
    { query, operationName, variables = {} }: GraphRequest,
    context: RequestContext,
  ): Promise<GraphResult | Verbatim | undefined> | undefined {
    if (context.caller.role === 'NOBODY') return undefined
    const entry = known.get(keyOf(query, operationName))
    if (entry === undefined) return undefined
    entry.execute ??= prepare(entry.operation)
    entry.noteOf ??= price(entry.operation)
    return finish(entry.execute, entry.noteOf(variables), variables, context)
  }

  async function answerFirst({ source = '', request, contextValue }: GraphQLRequestContext<RequestContext>) {
    const { variables, operationName } = request
    const answer = await run({ query: source, variables, operationName }, contextValue)
    if (answer === undefined) return null
    const singleResult = resultOf(answer)
    return {
      http: { status: undefined, headers: new HeaderMap() },
      body: { kind: 'single' as const, singleResult },
    }
  }

  return {
    /** Apollo Server's plugin that learns what it lets through. */
    plugin: <Context extends RequestContext>(): ApolloServerPlugin<Context> => ({
      serverWillStart: () =>
        Promise.resolve({
          schemaDidLoadOrUpdate: ({ apiSchema }) => {
            known.clear()
            schema = apiSchema
          },
        }),
      requestDidStart: () =>
        Promise.resolve({
          didResolveOperation: ({ schema, document, source, request, contextValue }) => {
            const name = request.operationName
            const operation = getOperationAST(document, name)
            if (operation && contextValue.caller.role !== 'NOBODY' && !introspects(document))
              learn({ schema, document, operation, source, name })
            return Promise.resolve()
          },
          ...(always && { responseForOperation: answerFirst }),
        }),
    }),
    /**
     * Executes an operation if it is known.
     *
     * @returns undefined when it has to go the ordinary way; nothing has been executed then
     */
    run,
  }
}
