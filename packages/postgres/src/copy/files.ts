import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { EmbeddedPostgresError } from '../errors.ts'
import { readControlFile } from './control-file.ts'

export interface ClusterFile {
  /** From the cluster's directory. */
  readonly path: string
  readonly bytes: number
  /** Its content is left behind. */
  readonly empty: boolean
}

export interface ClusterFiles {
  readonly systemIdentifier: string
  readonly folders: readonly string[]
  readonly files: readonly ClusterFile[]
}

/** Made anew at each start, or of a server that runs no more. */
const passing =
  /^(?:postmaster\.(?:pid|opts)|(?:pg_dynshmem|pg_notify|pg_replslot|pg_serial|pg_snapshots|pg_stat_tmp|pg_subtrans)\/.+|.*\/?pg_internal\.init(?:\.\d+)?|.*\/?pgsql_tmp.*)$/
const segmentName = /^pg_wal\/[\dA-F]{24}$/
/** Parts of a relation: its forks, and files after the first gigabyte. */
const fork = /(?:_(?:fsm|vm|init))?(?:\.\d+)?$/

/**
 * What a copy of a stopped cluster consists of. Of the write-ahead log only what a start needs: all before is in the
 * tables.
 *
 * @param without relations whose content is left behind, as `pg_relation_filepath` tells them
 * @throws EmbeddedPostgresError
 */
export async function listCluster(pgdata: string, without: readonly string[]): Promise<ClusterFiles> {
  const entries = await readdir(pgdata, { recursive: true, withFileTypes: true })
  const named = entries.map((entry) => ({
    entry,
    path: path.relative(pgdata, path.join(entry.parentPath, entry.name)),
  }))
  const link = named.find(({ entry }) => entry.isSymbolicLink())
  if (link)
    throw new EmbeddedPostgresError(
      `${path.join(pgdata, link.path)} is a symbolic link: a cluster whose files lie elsewhere is not copied.`,
    )
  const log = named.find(({ path: name }) => segmentName.test(name))
  if (!log) throw new EmbeddedPostgresError(`${pgdata} has no write-ahead log`)
  const { systemIdentifier, segment } = await readControlFile(
    pgdata,
    (await stat(path.join(pgdata, log.path))).size,
  )
  const left = new Set(without)
  const files = named.filter(
    ({ entry, path: name }) =>
      entry.isFile() && !passing.test(name) && (!segmentName.test(name) || name === `pg_wal/${segment}`),
  )
  return {
    systemIdentifier,
    folders: named
      .filter(({ entry, path: name }) => entry.isDirectory() && !passing.test(name))
      .map(({ path: name }) => name),
    files: await Promise.all(
      files.map(async ({ path: name }) => {
        const empty = left.has(name.replace(fork, ''))
        return { path: name, bytes: empty ? 0 : (await stat(path.join(pgdata, name))).size, empty }
      }),
    ),
  }
}
