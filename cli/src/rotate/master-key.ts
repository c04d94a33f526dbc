import { DataDirInUseError, lockDataDir } from '@user-stats/postgres'
import { createMasterKeys, masterKeyId, parseMasterKey, replaceMasterKey } from '@user-stats/users/keys'
import { beginKeyChange, endKeyChange, masterKeyFile } from '../master-key.ts'
import { openDatabases } from '../databases/open.ts'
import type { Terminal } from '../terminal.ts'
import { openUsersUrl, requireUpToDate } from './database.ts'
import type { RotateEnv } from './env.ts'
import { createProgress } from './progress.ts'

export interface RotateOptions {
  readonly env: RotateEnv
  readonly terminal: Terminal
  /** Ends after the current batch; the next run continues. */
  readonly signal?: AbortSignal
  /** Data keys per transaction. */
  readonly batch?: number
}

/**
 * Replaces the master key. With variables, the operator provides the keys: MASTER_KEY is the new one and
 * MASTER_KEY_PREVIOUS the previous one, and services that have both work meanwhile. A key in the data
 * directory is replaced there; nothing else may run on that directory.
 *
 * @throws Error with a one-line message
 */
export async function rotateMasterKey(options: RotateOptions): Promise<void> {
  const { env, terminal } = options
  if (env.masterKey === undefined) {
    await rotateKept(options)
    return
  }
  if (env.previousMasterKey === undefined)
    throw new Error('MASTER_KEY_PREVIOUS: expected the previous master key, which MASTER_KEY replaces')
  const { masterKey, previousMasterKey } = env
  terminal.line(
    'rotate',
    `from the master key ${masterKeyId(previousMasterKey)}, which backups made under it need, to ${masterKeyId(masterKey)}`,
  )
  await using undo = new AsyncDisposableStack()
  const url = await openUsersUrl(env, terminal, undo)
  await rewrap(options, url, masterKey, previousMasterKey)
  terminal.line(
    'rotate',
    `done. Start the users service without MASTER_KEY_PREVIOUS now. Keep that key, ${masterKeyId(previousMasterKey)}, as long as backups made under it`,
  )
}

async function rotateKept(options: RotateOptions): Promise<void> {
  const { env, terminal } = options
  await using undo = new AsyncDisposableStack()
  undo.use(await lockDataDir(env.dataDir).catch(explainInUse))
  const { current, previous, kept, resumed } = await beginKeyChange(env.dataDir)
  const keptIn = `The previous one stays in ${kept} for backups made under it`
  terminal.line(
    'rotate',
    `${resumed ? 'continuing with the existing new master key' : 'created a new master key'}. ${keptIn}`,
  )
  const { users } = await openDatabases({ env, needed: ['users'], terminal, durable: true, undo })
  await requireUpToDate(users.url)
  await rewrap(options, users.url, keyOf(current), keyOf(previous))
  await endKeyChange(env.dataDir)
  terminal.line(
    'rotate',
    `done. ${masterKeyFile(env.dataDir)} is the key now: keep a copy elsewhere. ${keptIn}`,
  )
}

async function rewrap(
  { terminal, signal, batch }: RotateOptions,
  url: string,
  current: Uint8Array,
  previous: Uint8Array,
): Promise<void> {
  await replaceMasterKey({
    url,
    masterKeys: createMasterKeys(current, previous),
    progress: createProgress((text) => {
      terminal.line('rotate', text)
    }),
    ...(signal && { signal }),
    ...(batch !== undefined && { batch }),
  })
}

function keyOf(text: string): Uint8Array {
  const key = parseMasterKey(text)
  if (key === undefined) throw new Error('the master key kept in DATA_DIR is not 32 bytes: restore its file')
  return key
}

function explainInUse(error: unknown): never {
  if (!(error instanceof DataDirInUseError)) throw error
  const holder = error.pid === undefined ? '' : ` (process ${String(error.pid)})`
  throw new Error(
    `npm start is running on ${error.dataDir}${holder} with the old master key. ` +
      'Stop it, run this, and start it again. If this is interrupted, npm start works in between.',
    { cause: error },
  )
}
