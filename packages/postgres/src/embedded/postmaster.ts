import { readFile, readlink, realpath, rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import type { Cluster } from './cluster.ts'
import { superuser } from './cluster.ts'
import { EmbeddedPostgresError } from '../errors.ts'
import { run } from './run.ts'

/** What a postmaster writes into its data directory about itself. */
export interface Postmaster {
  pid: number
  port: number
  status: string
}

/**
 * The port of a server already running on this cluster: one left by a killed run. Waits while that server is
 * still starting or stopping. `undefined` when there is none; a stale pid file, whose number another program
 * has by now, is removed.
 */
export async function findRunning(
  cluster: Cluster,
  { timeoutMs = 120_000, signal }: { timeoutMs?: number; signal?: AbortSignal | undefined } = {},
): Promise<number | undefined> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    signal?.throwIfAborted()
    const postmaster = await readPidFile(cluster.pgdata)
    if (!postmaster || !isAlive(postmaster.pid)) return undefined
    if (!(await isServerOf(cluster.pgdata, postmaster.pid))) {
      await rm(path.join(cluster.pgdata, 'postmaster.pid'), { force: true })
      return undefined
    }
    if (postmaster.status === 'ready' && (await answers(cluster, postmaster.port))) return postmaster.port
    if (Date.now() > deadline) {
      throw new EmbeddedPostgresError(
        `The PostgreSQL server left in ${cluster.pgdata} (process ${String(postmaster.pid)}) does not answer; ` +
          'stop it and start again.',
      )
    }
    await delay(100)
  }
}

/** Whether no server runs on this cluster, with or without a pid file. */
export async function isStopped(pgdata: string): Promise<boolean> {
  const postmaster = await readPidFile(pgdata)
  return !postmaster || !isAlive(postmaster.pid) || !(await isServerOf(pgdata, postmaster.pid))
}

/** Ends a server at once, as a power failure would: for throw-away data. */
export async function endAtOnce(pgdata: string): Promise<void> {
  const postmaster = await readPidFile(pgdata)
  if (!postmaster || !isAlive(postmaster.pid) || !(await isServerOf(pgdata, postmaster.pid))) return
  process.kill(postmaster.pid, 'SIGQUIT')
  while (isAlive(postmaster.pid)) await delay(50)
}

/** @returns undefined when there is no pid file */
export async function readPidFile(pgdata: string): Promise<Postmaster | undefined> {
  const text = await readFile(path.join(pgdata, 'postmaster.pid'), 'utf8').catch(() => '')
  const [pid, , , port, , , , status] = text.split('\n')
  return pid ? { pid: Number(pid), port: Number(port), status: status?.trim() ?? '' } : undefined
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/**
 * A postmaster's working directory is its data directory; where that cannot be read, its command line names
 * it.
 */
async function isServerOf(pgdata: string, pid: number): Promise<boolean> {
  const cwd = await readlink(`/proc/${String(pid)}/cwd`).catch(() => undefined)
  if (cwd !== undefined) return cwd === pgdata
  const { stdout } = await run('/bin/ps', ['-o', 'command=', '-p', String(pid)])
  return stdout.includes(pgdata)
}

/** Whether the server accepts our password and serves this very directory. */
async function answers({ pgdata, password }: Cluster, port: number): Promise<boolean> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port,
    user: superuser,
    password,
    database: 'postgres',
    connectionTimeoutMillis: 5_000,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query<{ data_directory: string }>('SHOW data_directory')
    const served = rows[0]?.data_directory
    return served !== undefined && (await realpath(served)) === (await realpath(pgdata))
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}
