import { connectToCopy, copyIn, createPartitions, migrate, writeSequences } from '@user-stats/postgres'
import type { Database } from '../databases/database.ts'
import { schemas } from '../databases/schemas.ts'
import type { Source } from './source.ts'

/**
 * Fills a new database: the schema at the time of the backup, partitions, rows, sequences.
 *
 * @throws Error when a table lacks rows
 */
export async function loadDatabase(
  { name, ownerUrl }: Pick<Database, 'name' | 'ownerUrl'>,
  source: Source,
  signal?: AbortSignal,
): Promise<void> {
  const { migrations, tables, sequences } = source.databases[name]
  await migrate({ url: ownerUrl, ...schemas[name] }, { only: migrations })
  await using client = await connectToCopy(ownerUrl)
  await createPartitions(client, tables)
  for (const table of tables) {
    signal?.throwIfAborted()
    let copied = 0
    const expected = await source.read(name, table, async (rows) => {
      copied = await copyIn(client, table, rows)
    })
    if (copied !== expected)
      throw new Error(
        `${name}: ${String(copied)} rows of ${table.name} were restored, the backup has ${String(expected)}`,
      )
  }
  await writeSequences(client, sequences)
  // The checks that follow need statistics.
  await client.query('ANALYZE')
}
