import { HeaderMap, type ApolloServerPlugin, type GraphQLRequestContext } from '@apollo/server'
import {
  getOperationAST,
  type DocumentNode,
  type ExecutionResult,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type OperationTypeNode,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import {
  formatErrors,
  introspects,
  parseResult,
  type CostExtension,
  type EngineResult,
  type EngineTools,
  type GraphRequest,
  type CostExtensionOf,
  type OperationEngine,
  type RequestContext,
  type SerializedResult,
} from '@user-stats/graphql'

/** An operation that Apollo Server has parsed and validated, without introspection. */
export interface CachedOperation {
  readonly schema: GraphQLSchema
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  readonly source: string
  /** As the client named it; undefined when the document has one operation only and it named none. */
  readonly name: string | undefined
}

export type Variables = Readonly<Record<string, unknown>>

type Executed = ExecutionResult | SerializedResult | undefined

/**
 * Executes one cached operation.
 *
 * @returns undefined when the variables are invalid; nothing has been executed then
 */
export type ExecuteCached = (variables: Variables, context: RequestContext) => Executed | Promise<Executed>

/**
 * `true`: the engine executes operations from their second request on. `always`: from the first, for tests.
 */
export type FastPathMode = 'true' | 'false' | 'always'

export interface OperationCacheOptions extends EngineTools {
  readonly mode: FastPathMode
  readonly compile: (operation: CachedOperation) => ExecuteCached
}

interface Entry {
  readonly operation: CachedOperation
  execute?: ExecuteCached
  costExtensionOf?: CostExtensionOf
}

const maxOperations = 2_000
/** Maximum characters of all cached documents together. */
const maxCharacters = 8_000_000

const keyOf = (source: string, name: string | undefined): string =>
  name === undefined ? source : `${name}\0${source}`

/**
 * Executes operations that Apollo Server has accepted before. The work that Apollo Server did for them once
 * (parsing, validation, limits, introspection rules) is not repeated; variables, errors and masking are
 * treated as there. Anonymous callers, and operations that are new or invalid, take the ordinary path. The
 * cache is cleared when the schema changes.
 */
export function createOperationCache({ mode, price, compile }: OperationCacheOptions): OperationEngine {
  let schema: GraphQLSchema | undefined
  const entries = new LRUCache<string, Entry>({
    max: maxOperations,
    maxSize: maxCharacters,
    sizeCalculation: (_value, key) => key.length,
  })

  function add(operation: CachedOperation): void {
    // The schema has changed since the operation was validated.
    if (operation.schema !== schema) return
    const key = keyOf(operation.source, operation.name)
    if (!entries.has(key)) entries.set(key, { operation })
  }

  async function execute(
    executeCached: ExecuteCached,
    operation: OperationTypeNode,
    costExtension: CostExtension,
    ...request: Parameters<ExecuteCached>
  ): Promise<EngineResult | undefined> {
    try {
      const result = await executeCached(...request)
      if (result === undefined) return undefined
      if ('text' in result) return { text: result.text, costExtension }
      const { data, errors } = result
      return {
        ...(data !== undefined && { data }),
        ...(errors && { errors: formatErrors(errors) }),
        operation,
        ...(data != null && { costExtension }),
      }
    } catch (error) {
      return { errors: formatErrors([error]), operation }
    }
  }

  function run(
    { query, operationName, variables = {} }: GraphRequest,
    context: RequestContext,
  ): Promise<EngineResult | undefined> | undefined {
    if (context.caller.role === 'ANONYMOUS') return undefined
    const entry = entries.get(keyOf(query, operationName))
    if (entry === undefined) return undefined
    entry.execute ??= compile(entry.operation)
    entry.costExtensionOf ??= price(entry.operation)
    const { operation: kind } = entry.operation.operation
    return execute(entry.execute, kind, entry.costExtensionOf(variables), variables, context)
  }

  async function executeFirst({ source = '', request, contextValue }: GraphQLRequestContext<RequestContext>) {
    const { variables, operationName } = request
    const result = await run({ query: source, variables, operationName }, contextValue)
    if (result === undefined) return null
    return {
      http: { status: undefined, headers: new HeaderMap() },
      body: { kind: 'single' as const, singleResult: parseResult(result) },
    }
  }

  return {
    plugin: <Context extends RequestContext>(): ApolloServerPlugin<Context> => ({
      serverWillStart: () =>
        Promise.resolve({
          schemaDidLoadOrUpdate: ({ apiSchema }) => {
            entries.clear()
            schema = apiSchema
          },
        }),
      requestDidStart: () =>
        Promise.resolve({
          didResolveOperation: ({ schema, document, source, request, contextValue }) => {
            const name = request.operationName
            const operation = getOperationAST(document, name)
            if (operation && contextValue.caller.role !== 'ANONYMOUS' && !introspects(document))
              add({ schema, document, operation, source, name })
            return Promise.resolve()
          },
          ...(mode === 'always' && { responseForOperation: executeFirst }),
        }),
    }),
    run,
  }
}
