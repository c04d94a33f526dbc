import pg from 'pg'
import { DatabaseUnreachableError } from '../errors.ts'

/**
 * Opens one connection. Close it with `await using`.
 *
 * @throws DatabaseUnreachableError naming host, port and database
 */
export async function connect(url: string): Promise<pg.Client & AsyncDisposable> {
  const target = describeTarget(url)
  let client: pg.Client
  try {
    client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000, keepAlive: true })
    // A connection that breaks while idle fails the next query; it must not end the process.
    client.on('error', () => undefined)
    await client.connect()
  } catch (cause) {
    throw new DatabaseUnreachableError(target, reasonOf(cause), { cause })
  }
  return Object.assign(client, {
    [Symbol.asyncDispose]: () => client.end().catch(() => undefined),
  })
}

/** host:port/database of a connection URL, for messages: never the user or the password. */
export function describeTarget(url: string): string {
  const parsed = URL.parse(url)
  if (!parsed || !/^postgres(ql)?:$/.test(parsed.protocol)) return '(not a valid connection URL)'
  const host = [parsed.hostname, parsed.searchParams.get('host')].find(Boolean) ?? 'localhost'
  return `${host}:${parsed.port || '5432'}${parsed.pathname}`
}

/** The same server and credentials, another database. */
export function withDatabase(url: string, database: string): string {
  const parsed = new URL(url)
  parsed.pathname = `/${encodeURIComponent(database)}`
  return parsed.href
}

function reasonOf(error: unknown): string {
  const { message, code, errors } = error as Partial<NodeJS.ErrnoException & AggregateError>
  // A host with several addresses fails with one error for each.
  if (errors?.length) return reasonOf(errors[0])
  return [message?.split('\n', 1)[0], code].find(Boolean) ?? 'no connection'
}
