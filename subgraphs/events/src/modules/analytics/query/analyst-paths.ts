import { DomainError, parseDataPath, type Caller, type DataPath } from '@user-stats/core'
import { createParameters } from './sql-parameters.ts'
import type { Snapshot } from './snapshot.ts'

/** A path of `data` in a query, and the field that names it. */
export interface NamedPath {
  readonly field: string
  readonly steps: DataPath
}

/** A path of `data` that analysts may use. */
export interface OpenPath {
  /** As JSONPath. */
  readonly text: string
  readonly steps: DataPath
}

/** The paths of `data` that analysts may use, per store. */
export interface AnalystPaths {
  /** Stores with a setting of their own, grouped by equal settings. */
  readonly own: readonly { readonly stores: readonly number[]; readonly paths: readonly OpenPath[] }[]
  /** Of all other stores. */
  readonly others: readonly OpenPath[]
}

/** @throws BAD_USER_INPUT naming the field */
export const parseOpenPaths = (field: string, texts: readonly string[]): readonly OpenPath[] =>
  texts.map((text) => ({ text, steps: parseDataPath(field, text) }))

/**
 * Authorizes the paths of `data` in an analysis: analysts may use those open in every requested store (null:
 * all of them), stores and admins any. The settings are read in the analysis's snapshot, so each applies to
 * all analyses that start after its commit.
 *
 * @param others the paths open in stores without a setting of their own
 * @returns the paths open to the analyst; undefined when the analysis uses none
 * @throws FORBIDDEN naming the field and the allowed paths
 */
export async function authorizePaths(
  snapshot: Snapshot,
  { role }: Caller,
  stores: readonly number[] | null,
  named: readonly NamedPath[],
  others: readonly OpenPath[],
): Promise<AnalystPaths> {
  if (role === 'STORE' || role === 'ADMIN' || named.length === 0) return { own: [], others: [] }
  const paths = await readOpenPaths(snapshot, stores, others)
  const open = openInAll(stores, paths)
  const fault = named.find(({ steps }) => !includes(open, steps))
  if (fault === undefined) return paths
  const whose = stores?.length === 1 ? 'this store' : 'all of these stores'
  const which =
    open.length === 0
      ? 'no path of `data`'
      : `these paths of \`data\` only: ${open.map(({ text }) => text).join(', ')}`
  throw new DomainError('FORBIDDEN', {
    field: fault.field,
    message: `${fault.field}: analysts of ${whose} may use ${which}. An admin may open others: updateStore(input: { analystDataPaths }).`,
  })
}

/**
 * The paths open to analysts of some stores. @param others the paths open in stores without a setting of
 * their own
 */
export async function readOpenPaths(
  snapshot: Snapshot,
  stores: readonly number[] | null,
  others: readonly OpenPath[],
): Promise<AnalystPaths> {
  const parameters = createParameters()
  const scope = stores === null ? 'true' : `store_id = ANY (${parameters.add(stores)}::int[])`
  const rows = await snapshot.rows<{ stores: number[]; paths: string[] }>(
    `SELECT array_agg(store_id) AS stores, analyst_data_paths AS paths FROM store_settings
     WHERE analyst_data_paths IS NOT NULL AND ${scope} GROUP BY analyst_data_paths`,
    parameters,
  )
  const own = rows.map((row) => ({
    stores: row.stores,
    paths: parseOpenPaths('analystDataPaths', row.paths),
  }))
  return { own, others }
}

/** The paths open in every one of the stores. */
function openInAll(stores: readonly number[] | null, { own, others }: AnalystPaths): readonly OpenPath[] {
  const withSetting = new Set(own.flatMap((one) => one.stores))
  const someWithout = stores === null || stores.some((id) => !withSetting.has(id))
  const [first = [], ...rest] = [...own.map(({ paths }) => paths), ...(someWithout ? [others] : [])]
  return first.filter(({ steps }) => rest.every((paths) => includes(paths, steps)))
}

const includes = (paths: readonly OpenPath[], steps: DataPath): boolean =>
  paths.some(
    (path) => path.steps.length === steps.length && path.steps.every((step, at) => step === steps[at]),
  )
