import { DomainError } from '../errors/domain-error.ts'
import { isErrorCode } from '../errors/catalogue.ts'
import type { GraphServer, RequestContext } from '../graph/server.ts'
import type { RestRow } from './row.ts'

/**
 * Executes the operation of a row on the graph, in process.
 *
 * @throws DomainError of the operation's first error, with members under the row's names
 */
export async function execute<Context extends RequestContext>(
  server: GraphServer<Context>,
  { operation, fields = {} }: Pick<RestRow, 'operation' | 'fields'>,
  variables: Record<string, unknown>,
  contextValue: Context,
): Promise<Record<string, unknown>> {
  const { body } = await server.executeOperation(
    { query: operation, variables: present(variables) },
    { contextValue },
  )
  if (body.kind !== 'single') throw new DomainError('INTERNAL_SERVER_ERROR')
  const { data, errors } = body.singleResult
  const [error] = errors ?? []
  if (error === undefined) return data ?? {}
  const { code, field, retryAfter } = error.extensions ?? {}
  const named = typeof field === 'string' ? nameOf(field, fields) : undefined
  throw new DomainError(isErrorCode(code) ? code : 'INTERNAL_SERVER_ERROR', {
    ...(isErrorCode(code) && { message: renamed(error.message, field, named) }),
    ...(named !== undefined && { field: named }),
    ...(typeof retryAfter === 'number' && { retryAfter }),
    cause: new Error(`operation answered ${String(code)}`),
  })
}

// graphql-js takes a variable that is there but undefined for null, and forgets its default.
const present = (variables: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== undefined))

/** What a member of the graph is called in a REST body: `input.firstName` is `first_name`. */
function nameOf(field: string, fields: Readonly<Record<string, string>>): string {
  const [first = '', ...rest] = field.replace(/^input\./, '').split('.')
  return [fields[first] ?? first, ...rest].join('.')
}

const renamed = (message: string, field: unknown, name: string | undefined): string =>
  typeof field === 'string' && name !== undefined && message.startsWith(`${field}:`)
    ? `${name}${message.slice(field.length)}`
    : message
