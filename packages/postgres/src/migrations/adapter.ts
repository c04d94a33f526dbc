import { randomUUID } from 'node:crypto'
import { PrismaPg } from '@prisma/adapter-pg'
import type { SqlDriverAdapter, SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils'
import { ColumnTypeEnum, DriverAdapterError } from '@prisma/driver-adapter-utils'
import pg from 'pg'
import { runScript } from './run-script.ts'
import { connect, withDatabase } from '../client/connect.ts'

export type AdapterFactory = SqlMigrationAwareDriverAdapterFactory &
  AsyncDisposable & {
    /** The server's error for the last script: the engine's own message is vaguer. */
    scriptFailure: () => pg.DatabaseError | undefined
  }

/**
 * Prisma's own adapter with three corrections for the schema engine: scripts are sent whole (it splits them
 * at every semicolon, also inside function bodies), the catalogue's one-byte type `"char"` is supported, and
 * a shadow database is a new one, dropped at the end whatever still uses it.
 *
 * Dispose of it after the engine: the engine leaves connections open, and its lock with them.
 *
 * @param lockDeadline milliseconds until a script must have its locks
 */
export function createAdapterFactory(url: string, lockDeadline: number): AdapterFactory {
  const open: SqlDriverAdapter[] = []
  let failure: pg.DatabaseError | undefined
  const onFailure = (error: pg.DatabaseError) => {
    failure = error
  }
  const opened = (adapter: SqlDriverAdapter) => {
    open.push(adapter)
    return adapter
  }
  return {
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    connect: async () => opened(await connectTo(url, { onFailure, lockDeadline })),
    connectToShadowDb: async () => {
      const database = `prisma_migrate_shadow_db_${randomUUID()}`
      await runOn(url, `CREATE DATABASE ${pg.escapeIdentifier(database)} TEMPLATE template0`)
      const drop = () => runOn(url, `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(database)} WITH (FORCE)`)
      return opened(
        await connectTo(withDatabase(url, database), { onFailure, lockDeadline, afterwards: drop }),
      )
    },
    scriptFailure: () => failure,
    [Symbol.asyncDispose]: async () => {
      for (const adapter of open.splice(0)) await adapter.dispose()
    },
  }
}

interface ConnectionOptions {
  onFailure: (error: pg.DatabaseError) => void
  lockDeadline: number
  afterwards?: () => Promise<void>
}

async function connectTo(
  url: string,
  { onFailure, lockDeadline, afterwards }: ConnectionOptions,
): Promise<SqlDriverAdapter> {
  // One connection: session-level locks and settings of one statement hold for the next.
  const pool = new pg.Pool({ connectionString: url, max: 1, connectionTimeoutMillis: 10_000 })
  const characters = answerCharacters(pool)
  const adapter = await new PrismaPg(pool, { disposeExternalPool: true }).connect()
  let disposal: Promise<void> | undefined
  return {
    provider: adapter.provider,
    adapterName: adapter.adapterName,
    executeRaw: (query) => adapter.executeRaw(query),
    startTransaction: (level) => adapter.startTransaction(level),
    getConnectionInfo: () => adapter.getConnectionInfo(),
    queryRaw: async (query) => {
      const result = await adapter.queryRaw(query)
      const columns = characters.get(result.rows) ?? []
      const columnTypes = result.columnTypes.map((type, index) =>
        columns.includes(index) ? ColumnTypeEnum.Character : type,
      )
      return { ...result, columnTypes }
    },
    executeScript: async (script) => {
      try {
        await runScript(pool, script, lockDeadline)
      } catch (error) {
        if (!(error instanceof pg.DatabaseError)) throw error
        onFailure(error)
        throw asDriverError(error)
      }
    },
    dispose: () => (disposal ??= adapter.dispose().then(afterwards)),
  }
}

const charOid = 18

/**
 * Makes a pool return `"char"` columns as text, an empty one as NUL (its real value), and records for each
 * result which columns those were.
 */
function answerCharacters(pool: pg.Pool): WeakMap<object, number[]> {
  const characters = new WeakMap<object, number[]>()
  const query = pool.query.bind(pool)
  const answering = async (config: pg.QueryArrayConfig) => {
    const result = await query<unknown[]>(config)
    // The results of a script with several statements are not read.
    if (Array.isArray(result)) return result
    const columns = result.fields.flatMap(({ dataTypeID }, index) => (dataTypeID === charOid ? [index] : []))
    for (const column of columns) {
      const field = result.fields[column]
      if (field) field.dataTypeID = pg.types.builtins.TEXT
      for (const row of result.rows) if (row[column] === '') row[column] = '\0'
    }
    characters.set(result.rows, columns)
    return result
  }
  Object.assign(pool, { query: answering })
  return characters
}

/** Translates an unknown error as the adapter itself does. */
function asDriverError(error: pg.DatabaseError): DriverAdapterError {
  return new DriverAdapterError({
    kind: 'postgres',
    code: error.code ?? 'N/A',
    severity: error.severity ?? 'N/A',
    message: error.message,
    detail: error.detail,
    column: error.column,
    hint: error.hint,
    originalCode: error.code ?? 'N/A',
    originalMessage: error.message,
  })
}

async function runOn(url: string, statement: string): Promise<void> {
  await using client = await connect(url)
  await client.query(statement)
}
