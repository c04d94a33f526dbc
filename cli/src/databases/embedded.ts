import { connect as openSocket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { prepareDatabase, readPostmaster, startEmbeddedPostgres } from '@user-stats/postgres'
import { createBackoff } from '../backoff.ts'
import type { RolePasswords } from '../secrets.ts'
import type { Database } from './database.ts'
import type { DatabaseName } from './schemas.ts'

export interface EmbeddedOptions {
  readonly name: DatabaseName
  readonly dataDir: string
  /** The server's directory in the data directory; its name by default. */
  readonly directory?: string
  readonly passwords: RolePasswords
  readonly log: (message: string) => void
  /** False for throw-away data. */
  readonly durable?: boolean
  /** Milliseconds between two checks whether the server still listens. */
  readonly watchInterval?: number
  readonly signal?: AbortSignal | undefined
}

/**
 * An embedded PostgreSQL server with one database and its two roles. It is monitored, and restarted on the
 * same port when it is down.
 *
 * @throws EmbeddedPostgresError
 */
export async function startEmbeddedDatabase(options: EmbeddedOptions): Promise<Database> {
  const { name, dataDir, directory = name, passwords, log, durable = true, watchInterval = 2_000 } = options
  const up = (more: { readonly port?: number; readonly signal?: AbortSignal | undefined }) =>
    startEmbeddedPostgres({ dataDir, name: directory, log, durable, ...more })
  let server = await up({ signal: options.signal })
  const { port } = server
  const { owner, serving } = rolesOf(name, passwords)
  await prepareDatabase({ adminUrl: server.superuserUrl, database: name, owner, server: serving }).catch(
    async (error: unknown) => {
      await server.stop()
      throw error
    },
  )

  // Starting, stopping and monitoring are serialised.
  let turn: Promise<unknown> = Promise.resolve()
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const next = turn.then(work)
    turn = next.catch(() => undefined)
    return next
  }
  let wanted = true
  let timer: NodeJS.Timeout | undefined
  const backoff = createBackoff()
  const ensureUp = async () => {
    if (await listens(port)) return
    server = await up({ port })
  }
  const watch = (pause: number) => {
    timer = setTimeout(() => {
      void inTurn(look)
    }, pause)
  }
  const look = async () => {
    if (!wanted) return
    if (await listens(port)) {
      backoff.calm()
      watch(watchInterval)
      return
    }
    log('the server is down, starting it again')
    const pause = backoff.next()
    await ensureUp().catch((error: unknown) => {
      log(`it did not start: ${(error as Error).message}`)
    })
    watch(Math.max(watchInterval, pause))
  }
  watch(watchInterval)

  const stop = () =>
    inTurn(async () => {
      wanted = false
      clearTimeout(timer)
      await server.stop()
    })
  const start = () =>
    inTurn(async () => {
      await ensureUp()
      wanted = true
      clearTimeout(timer)
      watch(watchInterval)
    })
  return {
    name,
    embedded: true,
    url: server.url(name, serving.role, serving.password),
    ownerUrl: server.url(name, owner.role, owner.password),
    start,
    stop,
    restart: async () => {
      await stop()
      await start()
    },
    kill: async () => {
      const postmaster = await readPostmaster(dataDir, directory)
      if (postmaster) killProcess(postmaster.pid)
      while (await listens(port)) await delay(20)
    },
  }
}

const rolesOf = (name: DatabaseName, passwords: RolePasswords) => ({
  owner: { role: `${name}_owner`, password: passwords.owner },
  serving: { role: `${name}_service`, password: passwords.service },
})

/** The owner's URL of a database whose server is running; undefined when none is. */
export async function runningOwnerUrl(
  dataDir: string,
  name: DatabaseName,
  passwords: RolePasswords,
): Promise<string | undefined> {
  const { port } = (await readPostmaster(dataDir, name)) ?? {}
  if (!port || !(await listens(port))) return undefined
  const { role, password } = rolesOf(name, passwords).owner
  return `postgresql://${role}:${password}@127.0.0.1:${String(port)}/${name}`
}

/** Whether the port is open: the only sign of life without a session or privileges. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = openSocket({ host: '127.0.0.1', port })
    const answer = (listening: boolean) => () => {
      socket.destroy()
      resolve(listening)
    }
    socket.on('connect', answer(true))
    socket.on('error', answer(false))
  })
}

/** The server may have ended in the meantime. */
function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
