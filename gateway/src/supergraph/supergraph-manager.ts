import { readFile } from 'node:fs/promises'
import type { Logger } from '@user-stats/http'
import { toAnalystSupergraph } from './analyst-contract.ts'
import { createEmptySchema } from './empty-schema.ts'
import { createSchemaVariant, type SchemaVariant } from './schema-variant.ts'
import {
  createSupergraphVersion,
  type CreateDataSource,
  type SupergraphVersion,
} from './supergraph-version.ts'

export interface SupergraphOptions {
  /** The composed file. */
  readonly path: string
  /** Milliseconds between two reads of the file. */
  readonly pollInterval?: number | undefined
  readonly dataSource: CreateDataSource
  readonly log: Logger
}

/** One schema variant for each audience. They share the subgraphs and nothing else. */
export interface Supergraph {
  readonly everyone: SchemaVariant
  /** Only fields that are tagged for analysts. */
  readonly analysts: SchemaVariant
}

type Versions = Readonly<Record<keyof Supergraph, SupergraphVersion>>

/**
 * Loads the supergraph of a file and reloads it when the file changes. An invalid file is logged and the
 * current version stays. The file is polled: `fs.watch` misses its second replacement.
 *
 * @throws Error with one line for the operator when there is no valid supergraph at the start
 */
export async function openSupergraph({
  path,
  pollInterval = 1_000,
  dataSource,
  log,
}: SupergraphOptions): Promise<Supergraph> {
  async function load(sdl: string): Promise<Versions> {
    const everyone = await createSupergraphVersion({ sdl, dataSource, log })
    const contract = toAnalystSupergraph(sdl)
    const analysts =
      contract === undefined
        ? createEmptySchema(sdl)
        : await createSupergraphVersion({ sdl: contract, dataSource, log })
    return { everyone, analysts }
  }

  const first = await loadFirst(path, load)
  let served = first.everyone.sdl
  let lastRead = served
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const everyone = createSchemaVariant({
    first: first.everyone,
    onStart: schedule,
    onStop: () => {
      stopped = true
      clearTimeout(timer)
    },
  })
  const analysts = createSchemaVariant({ first: first.analysts })

  async function reload(): Promise<void> {
    const sdl = await readFile(path, 'utf8').catch(() => '')
    if (sdl === lastRead) return
    lastRead = sdl
    // An invalid file has been replaced by the version that is served.
    if (sdl === served) return
    try {
      const next = await load(sdl)
      everyone.replace(next.everyone)
      analysts.replace(next.analysts)
      served = sdl
    } catch (error) {
      log.error({ reason: reasonOf(error) }, 'the new supergraph is invalid; the current one stays')
      return
    }
    log.info('supergraph reloaded')
  }

  function schedule(): void {
    timer = setTimeout(() => {
      void reload().finally(() => {
        if (!stopped) schedule()
      })
    }, pollInterval).unref()
  }

  return { everyone, analysts }
}

const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ').slice(0, 500)

async function loadFirst(path: string, load: (sdl: string) => Promise<Versions>): Promise<Versions> {
  let sdl: string
  try {
    sdl = await readFile(path, 'utf8')
  } catch {
    throw new Error(`SUPERGRAPH_PATH: the file ${path} cannot be read`)
  }
  try {
    return await load(sdl)
  } catch (error) {
    throw new Error(`SUPERGRAPH_PATH: the file ${path} holds no valid supergraph: ${reasonOf(error)}`, {
      cause: error,
    })
  }
}
