import { DomainError } from '@user-stats/core'
import { isErrorCode } from '@user-stats/core'
import type { RequestContext } from '@user-stats/graphql'
import type { GraphServer } from '@user-stats/graphql'
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
  const { data, errors } = await server.execute(
    { query: operation, variables: present(variables) },
    contextValue,
  )
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

// A variable, or a member of one, that is there but undefined would be taken for null, and its default forgotten.
const present = (variables: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, isObject(value) ? defined(value) : value]],
    ),
  )

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const defined = (members: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

/** What a member of the graph is called in a REST body: `input.firstName` is `first_name`. */
function nameOf(field: string, fields: Readonly<Record<string, string>>): string {
  const [first = '', ...rest] = field.replace(/^input\./, '').split('.')
  return [fields[first] ?? first, ...rest].join('.')
}

const renamed = (message: string, field: unknown, name: string | undefined): string =>
  typeof field === 'string' && name !== undefined && message.startsWith(`${field}:`)
    ? `${name}${message.slice(field.length)}`
    : message
