import { readFile } from 'node:fs/promises'
import type { Logger } from '@user-stats/http'
import { toAnalystSupergraph } from './analyst-contract.ts'
import type { Subgraph } from '../subgraphs/subgraph-data-source.ts'
import { createGeneration, type Generation } from './supergraph-version.ts'
import { nothing } from './empty-schema.ts'
import { createView, type View } from './schema-variant.ts'

export interface SupergraphOptions {
  /** The composed file. */
  readonly path: string
  /** Milliseconds between two looks at it. */
  readonly pollMs: number
  readonly dataSource: (subgraph: { readonly name: string; readonly url: string }) => Subgraph
  /** Whether operations that one subgraph can answer as they are may be handed on. */
  readonly passThrough: boolean
  readonly log: Logger
}

/** The graph as each audience sees it. They share the subgraphs and nothing else. */
export interface Supergraph {
  readonly everyone: View
  /** Without what is not for analysts. */
  readonly analysts: View
}

/** One content of the file. */
type Loaded = Readonly<Record<keyof Supergraph, Generation>>

/**
 * The supergraph of a file, and of whatever content the file has later. A content that is no supergraph is logged and
 * the graph stays as it is. The content is polled: watchers miss the second time a file is replaced.
 *
 * @throws Error, one line for the operator, when there is no supergraph to begin with
 */
export async function openSupergraph({
  path,
  pollMs,
  dataSource,
  passThrough,
  log,
}: SupergraphOptions): Promise<Supergraph> {
  async function load(sdl: string): Promise<Loaded> {
    const everyone = await createGeneration({ sdl, dataSource, log })
    const contract = toAnalystSupergraph(sdl)
    const analysts =
      contract === undefined ? nothing(sdl) : await createGeneration({ sdl: contract, dataSource, log })
    return { everyone, analysts }
  }

  const loaded = await first(path, load)
  let served = loaded.everyone.sdl
  let seen = served
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const everyone = createView({
    first: loaded.everyone,
    passThrough,
    onStart: schedule,
    onStop: () => {
      stopped = true
      clearTimeout(timer)
    },
  })
  const idle = (): void => undefined
  const analysts = createView({ first: loaded.analysts, passThrough, onStart: idle, onStop: idle })

  async function look(): Promise<void> {
    const sdl = await readFile(path, 'utf8').catch(() => '')
    if (sdl === seen) return
    seen = sdl
    // Back to what is served, after something that was not valid.
    if (sdl === served) return
    try {
      const next = await load(sdl)
      everyone.replace(next.everyone)
      analysts.replace(next.analysts)
      served = sdl
    } catch (error) {
      log.error({ reason: reasonOf(error) }, 'the new supergraph is not valid; the old one stays')
      return
    }
    log.info('supergraph reloaded')
  }

  function schedule(): void {
    timer = setTimeout(() => {
      void look().finally(() => {
        if (!stopped) schedule()
      })
    }, pollMs).unref()
  }

  return { everyone, analysts }
}

const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, ' ').slice(0, 500)

async function first(path: string, load: (sdl: string) => Promise<Loaded>): Promise<Loaded> {
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
