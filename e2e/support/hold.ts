import pg from 'pg'

/** Something held in a database, so that whoever needs it stops there until it is let go. */
export interface Hold {
  readonly release: () => Promise<void>
}

/** One connection, for a moment. What the database has lost it is asked again by the caller. */
export async function ask<Row extends pg.QueryResultRow>(
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

/** Takes locks and keeps them, in a transaction of their own. They go, too, when the database is killed. */
export async function hold(url: string, text: string, values: readonly unknown[] = []): Promise<Hold> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  await client.query('BEGIN')
  await client.query(text, [...values])
  return { release: () => client.end().catch(() => undefined) }
}
