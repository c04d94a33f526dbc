import pg from 'pg'

/** A lock held in a database, which blocks other sessions until it is released. */
export interface HeldLock {
  readonly release: () => Promise<void>
}

/** Runs one statement on a connection of its own. Callers retry what a killed database lost. */
export async function query<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Row>(text, [...values])).rows
  } finally {
    await client.end()
  }
}

/** Acquires locks in a transaction of its own. They end when the database is killed. */
export async function holdLock(
  url: string,
  text: string,
  values: readonly unknown[] = [],
): Promise<HeldLock> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  await client.query('BEGIN')
  await client.query(text, [...values])
  return { release: () => client.end().catch(() => undefined) }
}
