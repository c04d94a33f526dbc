import { connect } from '@user-stats/postgres'

/**
 * An advisory lock of the events database, until it is disposed of. @throws Error when another import runs
 */
export async function lockImport(url: string): Promise<AsyncDisposable> {
  const client = await connect(url)
  const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock(7303, 1) AS locked')
  if (rows[0]?.locked === true) return client
  await client[Symbol.asyncDispose]()
  throw new Error('another import is running on these databases')
}
