import { Writable } from 'node:stream'
import { createJwksSource } from '@user-stats/core'
import { createLogger } from '@user-stats/http'
import type { RawEnv } from '@user-stats/config'
import { createTestIssuer } from '@user-stats/testing/tokens'
import { buildApp } from '../../src/app.ts'
import { readEnv } from '../../src/env.ts'
import { startEvents, startUsers } from './stub-subgraphs.ts'

export type Body = Record<string, unknown>

export interface GatewayResponse {
  readonly status: number
  readonly headers: Headers
  readonly body: ResponseBody
}

/** A GraphQL response or a problem document; tests read the members they expect. */
export interface ResponseBody {
  readonly data: Tree
  readonly errors: readonly { readonly path?: unknown; readonly message: string; readonly extensions: Tree }[]
  readonly code: string
  readonly field?: string
  readonly message: string
  readonly detail: string
}

/** Data of any shape. */
export interface Tree {
  readonly [member: string]: Tree
}

export interface Timing {
  /** Milliseconds after which a subgraph counts as unavailable. */
  readonly subgraphTimeout?: number
  /** Milliseconds between two reads of the supergraph's file. */
  readonly pollInterval?: number
}

/** Starts a gateway on a free port. */
export async function startGateway(raw: RawEnv, { subgraphTimeout, pollInterval }: Timing = {}) {
  const lines: string[] = []
  const destination = new Writable({
    write: (line: Buffer, _encoding, done) => {
      lines.push(line.toString())
      done()
    },
  })
  const env = readEnv({
    GATEWAY_PORT: '0',
    AUTH_FAILURE_LIMIT: '100000',
    // Subgraphs are sent batches.
    GATEWAY_SECRET: 'a-secret-of-the-gateway',
    FAST_PATH: process.env['FAST_PATH'],
    ...raw,
  })
  const { timeout, ...subgraphs } = env.subgraphs
  const app = await buildApp({
    env: { ...env, subgraphs: { ...subgraphs, timeout: subgraphTimeout ?? timeout } },
    pollInterval,
    keys: createJwksSource({ url: `${env.users.url}/.well-known/jwks.json` }),
    log: createLogger({ name: 'gateway', level: 'debug', destination }),
  })
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })

  async function send(method: string, path: string, init: RequestInit = {}): Promise<GatewayResponse> {
    const response = await fetch(`${origin}${path}`, { redirect: 'manual', method, ...init })
    const text = await response.text()
    const json = response.headers.get('content-type')?.includes('json') ?? false
    return {
      status: response.status,
      headers: response.headers,
      body: (json ? JSON.parse(text) : text) as ResponseBody,
    }
  }
  const headersOf = (token: string | undefined, more: Record<string, string> = {}) => ({
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...more,
  })
  return {
    origin,
    send,
    /** The metrics as text, and each count of errors by its labels. */
    metrics: () => app.metrics.registry.metrics(),
    errorCounts: async (): Promise<Record<string, number>> => {
      const { values } = await app.metrics.errors.get()
      return Object.fromEntries(
        values.map(({ labels: { code, route, operation }, value }) => [
          [code, route, operation].filter((label) => label !== '').join(' '),
          value,
        ]),
      )
    },
    summary: () => {
      app.errors.flush()
      return lines.flatMap((line) => {
        const entry = JSON.parse(line) as Record<string, unknown>
        return entry['msg'] === 'requests refused' ? [entry] : []
      })
    },
    logged: () => lines.join(''),
    graphql: (token: string | undefined, query: string, variables: Body = {}, headers = {}) =>
      send('POST', '/graphql', {
        // Without the cost extension, which has tests of its own.
        headers: headersOf(token, {
          'content-type': 'application/json',
          prefer: 'return=minimal',
          ...headers,
        }),
        body: JSON.stringify({ query, variables }),
      }),
    rest: (token: string | undefined, method: string, path: string, body?: Body, headers = {}) =>
      send(method, path, {
        headers: headersOf(token, { ...(body && { 'content-type': 'application/json' }), ...headers }),
        ...(body && { body: JSON.stringify(body) }),
      }),
    [Symbol.asyncDispose]: () => app.close(),
  }
}

/** Starts a gateway with both stub subgraphs, and signs tokens for it. */
export async function startGraph(raw: RawEnv = {}, timing: Timing = {}) {
  const issuer = createTestIssuer()
  const users = await startUsers(issuer)
  const events = await startEvents()
  const gateway = await startGateway({ USERS_URL: users.origin, EVENTS_URL: events.origin, ...raw }, timing)
  return {
    ...gateway,
    users,
    events,
    issuer,
    store: issuer.tokenFor({ role: 'STORE', keyId: 'k-1', storeId: 1 }),
    admin: issuer.tokenFor({ role: 'ADMIN', keyId: 'k-2' }),
    service: issuer.tokenFor({ role: 'SERVICE', service: 'users' }),
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]()
      await users.close()
      await events.close()
    },
  }
}

/** The names of queries and types that introspection returns. */
export async function introspect({ graphql, store }: Graph): Promise<{ queries: string[]; types: string[] }> {
  const { body } = await graphql(store, '{ __schema { queryType { fields { name } } types { name } } }')
  const { __schema: schema } = body.data as unknown as {
    __schema: { queryType: { fields: { name: string }[] }; types: { name: string }[] }
  }
  const nameOf = ({ name }: { name: string }): string => name
  return { queries: schema.queryType.fields.map(nameOf), types: schema.types.map(nameOf) }
}

export type Graph = Awaited<ReturnType<typeof startGraph>>
