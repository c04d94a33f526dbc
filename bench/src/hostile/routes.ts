import type { HostileRequest } from './request.ts'

/** A route of a service, and whether it takes a body. */
export interface Route {
  readonly method: string
  /** With values in place of its parameters. */
  readonly path: string
  readonly body: boolean
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly requestBody?: unknown }>>>>
}

/** Routes that no OpenAPI document names. */
const others: readonly Route[] = [
  { method: 'POST', path: '/graphql', body: true },
  { method: 'POST', path: '/graphql/batch', body: true },
  { method: 'GET', path: '/graphql', body: false },
  { method: 'POST', path: '/nowhere', body: true },
  { method: 'POST', path: '/health/live', body: true },
  { method: 'GET', path: '/health/ready', body: false },
  { method: 'GET', path: '/openapi.json', body: false },
  { method: 'GET', path: '/docs', body: false },
  { method: 'GET', path: '/nowhere', body: false },
]

/** The routes of a service, as its OpenAPI document names them, and the others. */
export async function routesOf(origin: string): Promise<readonly Route[]> {
  const { paths } = (await (await fetch(`${origin}/openapi.json`)).json()) as OpenApi
  return [
    ...Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, { requestBody }]) => ({
        method: method.toUpperCase(),
        path: path.replaceAll(/\{\w+\}/g, '1'),
        // A DELETE may have one, though none takes it.
        body: requestBody !== undefined || method === 'delete',
      })),
    ),
    ...others,
  ]
}

/** Heads of requests that are meant to cost more than their bytes. */
export const heads: readonly { readonly name: string; readonly of: (route: Route) => HostileRequest }[] = [
  {
    name: 'query of many keys',
    of: ({ method, path }) => ({ method, path: `${path}?${'a&'.repeat(7_500)}` }),
  },
  {
    name: 'query of one key again and again',
    of: ({ method, path }) => ({ method, path: `${path}?${'a=1&'.repeat(3_800)}` }),
  },
  {
    name: 'query of percent signs',
    of: ({ method, path }) => ({ method, path: `${path}?a=${'%25'.repeat(5_000)}` }),
  },
  {
    name: 'long path',
    of: ({ method, path }) => ({ method, path: `${path.replace(/1$/, '')}/${'%40a.'.repeat(200)}` }),
  },
  { name: 'path of slashes', of: ({ method, path }) => ({ method, path: `${path}${'/'.repeat(15_000)}` }) },
  ...(
    [
      ['authorization', `Bearer ${'a'.repeat(15_000)}`],
      ['authorization', `Bearer ${' '.repeat(15_000)}!`],
      ['authorization', `Bearer ${'a.'.repeat(2_000)}`],
      ['accept', 'a/b;q=0.1,'.repeat(1_500)],
      ['accept-encoding', 'gzip,'.repeat(3_000)],
      ['content-encoding', 'gzip,'.repeat(3_000)],
      ['content-type', `application/json; a="${'\\a'.repeat(7_000)}`],
      ['content-type', `application/json${'; a=b'.repeat(3_000)}`],
      ['prefer', 'return=minimal,'.repeat(1_000)],
      ['x-forwarded-for', '1.1.1.1,'.repeat(1_900)],
      ['idempotency-key', 'a'.repeat(15_000)],
      ['x-request-id', 'a'.repeat(15_000)],
      ['origin', 'a'.repeat(15_000)],
      ['cookie', 'a=b;'.repeat(3_800)],
    ] as const
  ).map(([header, value], at) => ({
    name: `header ${header} (${String(at)})`,
    of: ({ method, path, body }: Route): HostileRequest => ({
      method,
      path,
      headers: { ...(body && { 'content-type': 'application/json' }), [header]: value },
      ...(body && { body: Buffer.from('{}') }),
    }),
  })),
  {
    name: 'two thousand headers',
    of: ({ method, path }) => ({
      method,
      path,
      headers: Object.fromEntries(Array.from({ length: 1_990 }, (_, at) => [`a${at.toString(36)}`, ''])),
    }),
  },
]
