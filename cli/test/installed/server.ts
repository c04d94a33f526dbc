import { execFile } from 'node:child_process'
import { chown, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const installed = '/usr/lib/postgresql'

/**
 * PostgreSQL's programs as Debian installs them, the newest. @throws Error with instructions to install them
 */
export async function findPrograms(): Promise<string> {
  const versions = (await readdir(installed).catch(() => [])).sort((a, b) => Number(b) - Number(a))
  for (const version of versions) {
    const programs = await readdir(path.join(installed, version, 'bin'))
    if (['initdb', 'pg_dump', 'pg_restore', 'psql'].every((name) => programs.includes(name)))
      return path.join(installed, version, 'bin')
  }
  throw new Error(`no PostgreSQL in ${installed}: apt-get install postgresql`)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A server from the distribution, as run by operators who do not use the embedded one. */
export async function startServer(bin: string) {
  const dir = await mkdtemp(path.join(tmpdir(), 'user-stats-dump-'))
  const port = await freePort()
  // PostgreSQL refuses to run as root.
  let as = {}
  if (process.getuid?.() === 0) {
    const line = (await readFile('/etc/passwd', 'utf8'))
      .split('\n')
      .find((entry) => entry.startsWith('postgres:'))
    const [uid = 0, gid = 0] = (line ?? '').split(':').slice(2, 4).map(Number)
    await chown(dir, uid, gid)
    as = { uid, gid }
  }
  const data = path.join(dir, 'data')
  const program = (name: string, ...args: string[]) => run(path.join(bin, name), args, { ...as, cwd: dir })
  await program('initdb', '-D', data, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8')
  const options = `-p ${String(port)} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off`
  await program('pg_ctl', 'start', '-D', data, '-w', '-l', path.join(dir, 'log'), '-o', options)
  return {
    url: (database: string, role: string) =>
      `postgresql://${role}:secret@127.0.0.1:${String(port)}/${database}`,
    [Symbol.asyncDispose]: async () => {
      await program('pg_ctl', 'stop', '-D', data, '-m', 'fast', '-w')
      await rm(dir, { recursive: true, force: true })
    },
  }
}
