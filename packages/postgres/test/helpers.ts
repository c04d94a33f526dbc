import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'

export const fixtures = path.join(import.meta.dirname, 'fixtures')

export const sample = {
  schemaPath: path.join(fixtures, 'schema.prisma'),
  migrationsDir: path.join(fixtures, 'migrations'),
}

/** A temporary directory that other users may traverse. */
export async function temporaryDir(): Promise<AsyncDisposable & { dir: string }> {
  const dir = await mkdtemp(path.join(tmpdir(), 'user-stats-postgres-'))
  await chmod(dir, 0o711)
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}

/** Runs a fixture in a process of its own, until it prints its first line. */
export async function startFixture(name: string, ...args: string[]) {
  const child = spawn(process.execPath, [path.join(fixtures, name), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return {
    line,
    pid: child.pid,
    ended,
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

/** The rows of a statement. */
export async function query<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows
  } finally {
    await client.end()
  }
}
