import { DuckDBInstance } from '@duckdb/node-api'
import pg from 'pg'
import { buildSegment, mergeSegments } from './build-segment.ts'
import { spilledIn, type Request, type Response, type Settings, type Task } from './protocol.ts'

// The process of the columnar engine: whatever happens to it, the service goes on and asks PostgreSQL.

const memory = '512MB'
const spilled = '4GB'

process.umask(0o077)
let settings: Settings | undefined
let pool: pg.Pool | undefined
let opening: Promise<DuckDBInstance> | undefined
const running = new Map<number, AbortController>()

async function open(place: Settings): Promise<DuckDBInstance> {
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: memory,
    temp_directory: spilledIn(place),
    max_temp_directory_size: spilled,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
  })
  const connection = await instance.connect()
  await connection.run('SET lock_configuration = true')
  connection.closeSync()
  return instance
}

/** Days are read one after the other: connections are kept for a while. */
const openPool = ({ databaseUrl }: Settings): pg.Pool => {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    application_name: 'user-stats analytics',
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 10_000,
    max: lanes.length,
  })
  pool.on('error', () => undefined)
  return pool
}

async function withClient<T>(database: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await database.connect()
  let broken = true
  try {
    const result = await work(client)
    broken = false
    return result
  } finally {
    // Ends what PostgreSQL still works at for a task that was cancelled.
    client.release(broken)
  }
}

/** Files are written two at a time: each needs memory for what it reads. */
const lanes: Promise<unknown>[] = [Promise.resolve(), Promise.resolve()]
let nextLane = 0

function inLane<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const lane = nextLane++ % lanes.length
  const own = (lanes[lane] ?? Promise.resolve()).then(() => {
    signal.throwIfAborted()
    return work()
  })
  lanes[lane] = own.catch(() => undefined)
  return own
}

async function run(task: Task, signal: AbortSignal): Promise<unknown> {
  if (settings === undefined) throw new Error('no settings yet')
  const { key } = settings
  const database = (pool ??= openPool(settings))
  const instance = await (opening ??= open(settings))
  const duckdb = await instance.connect()
  signal.addEventListener(
    'abort',
    () => {
      duckdb.interrupt()
    },
    { once: true },
  )
  try {
    signal.throwIfAborted()
    switch (task.kind) {
      case 'build':
        return await inLane(signal, () =>
          withClient(database, (client) => buildSegment(duckdb, client, task, key, signal)),
        )
      case 'merge':
        return await inLane(signal, () => mergeSegments(duckdb, task))
      case 'query':
        return (await duckdb.runAndReadAll(task.text, [...task.values])).getRowObjectsJson()
    }
  } finally {
    duckdb.closeSync()
  }
}

const answer = (response: Response): void => {
  process.send?.(response)
}

async function work(id: number, task: Task): Promise<void> {
  const controller = new AbortController()
  running.set(id, controller)
  try {
    answer({ id, result: await run(task, controller.signal) })
  } catch (error) {
    answer({ id, error: error instanceof Error ? error.message : String(error) })
  } finally {
    running.delete(id)
  }
}

process.on('message', (request: Request) => {
  if ('settings' in request) settings = request.settings
  else if ('cancel' in request) running.get(request.id)?.abort()
  else void work(request.id, request.task)
})
// The service is no more.
process.on('disconnect', () => {
  process.exit(0)
})
