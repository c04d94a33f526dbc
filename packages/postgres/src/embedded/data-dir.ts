import { chmod, chown, lstat, mkdtemp, realpath, rmdir, symlink, unlink } from 'node:fs/promises'
import path from 'node:path'
import { makeSharedStateDir, sharedStateDir } from './binaries.ts'
import { EmbeddedPostgresError } from '../errors.ts'
import { makeDirectory } from './make-directory.ts'
import type { ServerUser } from './run.ts'
import { canWrite } from './server-user.ts'

/**
 * Creates the directory for all persistent state, private to its user. Under root other users may traverse
 * (not list) it, because PostgreSQL runs as another user; the secrets inside have mode 0600.
 *
 * @param setting the variable or option that names it
 * @throws DirectoryError in one line, with the reason and what to do
 */
export async function makeDataDir(dataDir: string, setting = 'DATA_DIR'): Promise<string> {
  const created = await makeDirectory(dataDir, setting)
  // Independent of the umask. An existing directory keeps its mode.
  if (created) await chmod(dataDir, process.getuid?.() === 0 ? 0o711 : 0o700)
  return realpath(dataDir)
}

/**
 * The directory of one server, `<dataDir>/<name>`, owned by the user it runs as.
 *
 * When that user cannot reach it (root's checkout is below a home of mode 0700), the real directory is
 * created below {@link sharedStateDir}, and `<dataDir>/<name>` becomes a symbolic link to it: the data
 * directory still shows where its data is, and a new data directory gets a new server.
 */
export async function makeServerHome(
  dataDir: string,
  name: string,
  user: ServerUser | undefined,
  log: (message: string) => void,
): Promise<string> {
  const home = path.join(await makeDataDir(dataDir), name)
  const existing = await lstat(home).catch(() => undefined)
  if (existing?.isSymbolicLink()) {
    const target = await realpath(home).catch(() => undefined)
    if (target && (await canWrite(target, user))) return target
    throw unreachable(target ?? home, user)
  }
  if (await makeDirectory(home, 'DATA_DIR')) await chmod(home, 0o700)
  if (user) await chown(home, user.uid, user.gid)
  if (await canWrite(home, user)) return home
  if (!user || (await lstat(path.join(home, 'pgdata')).catch(() => undefined))) throw unreachable(home, user)
  return relocate(home, name, user, log)
}

async function relocate(
  home: string,
  name: string,
  user: ServerUser,
  log: (message: string) => void,
): Promise<string> {
  try {
    await makeSharedStateDir()
    const moved = await mkdtemp(path.join(sharedStateDir, `${name}-`))
    await chmod(moved, 0o700)
    await chown(moved, user.uid, user.gid)
    await rmdir(home)
    await symlink(moved, home)
    if (await canWrite(moved, user)) {
      log(
        `user ${user.name} cannot reach ${home}: the data of "${name}" is kept in ${moved}, linked from there`,
      )
      return moved
    }
    await unlink(home)
  } catch (cause) {
    throw unreachable(home, user, cause)
  }
  throw unreachable(home, user)
}

function unreachable(home: string, user: ServerUser | undefined, cause?: unknown): EmbeddedPostgresError {
  const who = user ? `User ${user.name}, as whom PostgreSQL runs when started by root,` : 'The current user'
  return new EmbeddedPostgresError(
    `${who} cannot write to ${home}. Set DATA_DIR to a directory that user can reach, or start as its owner.`,
    { cause },
  )
}
