import { access, constants, readFile, stat } from 'node:fs/promises'
import type { ServerUser } from './run.ts'
import { run } from './run.ts'

/** PostgreSQL refuses to run as root: these users are tried instead, in this order. */
const unprivileged = ['postgres', 'nobody']

/**
 * The user to run PostgreSQL as: the current one (`undefined`) unless this process is root; then the owner of
 * an existing cluster, or else the system's `postgres` or `nobody`.
 */
export async function serverUser(pgdata: string): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const accounts = await readAccounts()
  const owner = await stat(pgdata).catch(() => undefined)
  if (owner && owner.uid !== 0) {
    const name = accounts.find(({ uid }) => uid === owner.uid)?.name ?? String(owner.uid)
    return { uid: owner.uid, gid: owner.gid, name }
  }
  for (const name of unprivileged) {
    const account = accounts.find((candidate) => candidate.name === name)
    if (account) return account
  }
  return { uid: 65534, gid: 65534, name: 'nobody' }
}

/** Whether the user may traverse all parents of a directory, and write to it. */
export async function canWrite(dir: string, user: ServerUser | undefined): Promise<boolean> {
  if (!user) {
    return access(dir, constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    )
  }
  const { code } = await run('/bin/sh', ['-c', 'cd "$1" && test -w .', 'sh', dir], user)
  return code === 0
}

async function readAccounts(): Promise<ServerUser[]> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  return passwd.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':')
    return name && uid && gid ? [{ name, uid: Number(uid), gid: Number(gid) }] : []
  })
}
