import path from 'node:path'
import type { CommandContext } from '../command-context.ts'
import { beginKeyChange, randomMasterKey, retirePreviousKey } from '../master-key.ts'
import { createSecretFile } from '../durable-file.ts'
import { randomSecret } from '../secrets.ts'

const databases = ['users', 'events'] as const

/** Readable by its owner, the user of our containers. */
const forUs = 0o400
/** Also readable by the group, which the database containers join. */
const forDatabase = 0o440

/** The steps of `init-secrets`: `make`, and those before and after `rotate master-key`. */
const steps = {
  make: async (root: string): Promise<string> => {
    await makeSecrets(root)
    return 'secrets are in place'
  },
  'new-master-key': changeMasterKey,
  'retire-old-master-key': retireMasterKey,
} as const

/** Runs in the first container, before there is any database. @throws Error with a one-line message */
export async function runInitSecrets({
  folder,
  step = 'make',
  terminal,
}: CommandContext & { readonly folder: string; readonly step?: keyof typeof steps }): Promise<number> {
  terminal.line('secrets', await steps[step](folder))
  return 0
}

/**
 * Creates the secrets of the containers, each in the folder (a volume) of its readers:
 *
 *     users-database/password      the superuser of the database server
 *     events-database/password
 *     migrate/<name>-admin-url     as that superuser
 *     migrate/<name>-owner-url     as the role that owns the database
 *     migrate/<name>-database-url  as the role that serves
 *     users/database-url  users/master-key  users/master-key-previous  users/admin-api-key  users/gateway-secret
 *     gateway/gateway-secret       the same
 *     events/database-url  events/gateway-secret
 *
 * Existing secrets are never changed. Secrets used by two containers are copied from `migrate` or `users`.
 *
 * @throws Error with a one-line message when two copies of a secret differ
 */
export async function makeSecrets(root: string): Promise<void> {
  for (const name of databases) {
    const host = `${name}-database`
    const url = (role: string, database: string) =>
      `postgresql://${role}:${randomSecret()}@${host}:5432/${database}`
    const migrate = (kind: string) => path.join(root, 'migrate', `${name}-${kind}-url`)
    const admin = await createSecretFile(migrate('admin'), forUs, () => url('postgres', 'postgres'))
    await createSecretFile(migrate('owner'), forUs, () => url(`${name}_owner`, name))
    const serving = await createSecretFile(migrate('database'), forUs, () => url(`${name}_service`, name))
    await copy(path.join(root, host, 'password'), forDatabase, new URL(admin).password)
    await copy(path.join(root, name, 'database-url'), forUs, serving)
  }
  await createSecretFile(path.join(root, 'users', 'master-key'), forUs, randomMasterKey)
  // Empty unless the master key is being replaced.
  await createSecretFile(path.join(root, 'users', 'master-key-previous'), forUs, () => '')
  const shared = await createSecretFile(path.join(root, 'users', 'gateway-secret'), forUs, randomSecret)
  for (const name of ['gateway', 'events']) await copy(path.join(root, name, 'gateway-secret'), forUs, shared)
  await createSecretFile(path.join(root, 'users', 'admin-api-key'), forUs, () => `us_a_${randomSecret()}`)
}

/** Adds a new master key next to the old one. @returns the next step */
export async function changeMasterKey(root: string): Promise<string> {
  const { kept, resumed } = await beginKeyChange(path.join(root, 'users'), forUs)
  const state = resumed ? 'the new master key exists already' : 'a new master key is in place'
  return `${state}: restart users, then rotate. The previous one stays in ${kept} for backups made under it`
}

/** Removes the previous master key from the service, once nothing is wrapped by it. @returns the next step */
export async function retireMasterKey(root: string): Promise<string> {
  const file = await retirePreviousKey(path.join(root, 'users'), forUs)
  if (file === undefined) return 'there is no previous master key'
  return `restart users. The old master key stays in ${file}: remove it with the last backup made under it`
}

async function copy(file: string, mode: number, secret: string): Promise<void> {
  if ((await createSecretFile(file, mode, () => secret)) === secret) return
  throw new Error(
    `${file} is not what another folder holds: one of the volumes was replaced. ` +
      'Restore it, or remove all volumes to start afresh (this deletes all data).',
  )
}
