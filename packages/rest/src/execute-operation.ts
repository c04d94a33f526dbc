import {
  badInputs,
  DomainError,
  isErrorCode,
  isObject,
  type DomainErrorDetails,
  type Fault,
} from '@user-stats/core'
import { originalOf, type RequestContext } from '@user-stats/graphql'
import type { GraphServer } from '@user-stats/graphql'
import type { FieldNames, RestRoute } from './rest-route.ts'

/**
 * Executes the operation of a route on the graph, in process.
 *
 * @throws DomainError of the operation's first error, or of all faults, with the route's names
 */
export async function execute<Context extends RequestContext>(
  server: GraphServer<Context>,
  { operation, fields = {} }: Pick<RestRoute, 'operation'> & { readonly fields?: FieldNames | undefined },
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
  const known = isErrorCode(code) ? code : 'INTERNAL_SERVER_ERROR'
  const faults = (errors ?? []).flatMap(faultsOf).map((fault) => renamed(fault, fields))
  if (known === 'BAD_USER_INPUT' && faults.length > 0) throw badInputs(faults)
  const [named] = typeof field === 'string' ? [renamed({ field, message: error.message }, fields)] : []
  throw new DomainError(known, {
    ...(isErrorCode(code) && { message: error.message, ...named }),
    ...(typeof retryAfter === 'number' && { retryAfter }),
    ...originOf(error),
  })
}

type GraphError = NonNullable<Awaited<ReturnType<GraphServer<RequestContext>['execute']>>['errors']>[number]

/** The faults in an error, by their names in the graph. */
function faultsOf({ message, extensions }: GraphError): readonly Fault[] {
  if (extensions?.['code'] !== 'BAD_USER_INPUT') return []
  const { field, errors } = extensions
  if (Array.isArray(errors)) return errors as Fault[]
  return typeof field === 'string' ? [{ field, message }] : []
}

/** The details of the operation's error for the log. */
function originOf(error: GraphError): Pick<DomainErrorDetails, 'key' | 'cause'> {
  const original = originalOf(error)
  if (!(original instanceof DomainError))
    return { cause: new Error(`operation answered ${String(error.extensions?.['code'])}`) }
  return { ...(original.key && { key: original.key }), cause: original.cause }
}

// An undefined variable, or member of one, would be read as null and lose its default.
const present = (variables: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(variables).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, isObject(value) ? defined(value) : value]],
    ),
  )

const defined = (members: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

/** A fault with the REST name of the member: `input.firstName` is `first_name`. */
function renamed({ field, message }: Fault, fields: Readonly<Record<string, string>>): Fault {
  const [first = '', ...rest] = field.replace(/^input\./, '').split('.')
  const name = [fields[first] ?? first, ...rest].join('.')
  return {
    field: name,
    message: message.startsWith(`${field}:`) ? `${name}${message.slice(field.length)}` : message,
  }
}
