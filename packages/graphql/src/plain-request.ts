import type { FastifyRequest } from 'fastify'
import type { GraphRequest } from './request.ts'

/**
 * The usual Accept headers of GraphQL clients, and the content type with which Apollo Server answers each.
 */
const contentTypes = new Map<string | undefined, string>([
  [undefined, 'application/json; charset=utf-8'],
  ['*/*', 'application/json; charset=utf-8'],
  ['application/json', 'application/json; charset=utf-8'],
  ['application/json; charset=utf-8', 'application/json; charset=utf-8'],
  ['application/graphql-response+json', 'application/graphql-response+json; charset=utf-8'],
  [
    'application/graphql-response+json,application/json;q=0.9',
    'application/graphql-response+json; charset=utf-8',
  ],
])

const jsonTypes = new Set([
  'application/json',
  'application/json; charset=utf-8',
  'application/json;charset=utf-8',
])

export interface PlainRequest extends GraphRequest {
  readonly contentType: string
}

/** Parses a request of the usual form. Undefined for all others: Apollo Server handles those. */
export function readPlainRequest({ method, headers, body }: FastifyRequest): PlainRequest | undefined {
  if (method !== 'POST' || !jsonTypes.has(headers['content-type'] ?? '')) return undefined
  const contentType = contentTypes.get(headers.accept)
  if (contentType === undefined || typeof body !== 'object' || body === null) return undefined
  const { query, variables, operationName, extensions } = body as Record<string, unknown>
  if (typeof query !== 'string' || extensions != null) return undefined
  if (operationName != null && typeof operationName !== 'string') return undefined
  if (variables != null && (typeof variables !== 'object' || Array.isArray(variables))) return undefined
  return {
    contentType,
    query,
    variables: (variables ?? undefined) as Record<string, unknown> | undefined,
    operationName: operationName ?? undefined,
  }
}
