import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import type pg from 'pg'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import { SchemaEngine, __wbg_set_wasm } from '@prisma/schema-engine-wasm/schema_engine_bg'
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg'
import { createAdapterFactory } from './adapter.ts'
import { MigrationError } from '../errors.ts'

/** The used part of Node's global; its types come with the DOM library only. */
declare const WebAssembly: {
  instantiate: (
    bytes: Uint8Array,
    imports: Record<string, Record<string, unknown>>,
  ) => Promise<{ instance: { exports: Record<string, unknown> } }>
}

let ready: Promise<void> | undefined
let panic: string | undefined

/**
 * Runs Prisma's schema engine on a Prisma schema and a database, and ends it.
 *
 * @throws MigrationError
 */
export async function withEngine<Result>(
  { schemaPath, url, lockDeadline = 0 }: { schemaPath: string; url: string; lockDeadline?: number },
  work: (engine: SchemaEngine, schema: { path: string; content: string }) => Promise<Result>,
): Promise<Result> {
  await (ready ??= load())
  await using factory = createAdapterFactory(url, lockDeadline)
  const schema = { path: schemaPath, content: await readSchema(schemaPath) }
  try {
    const engine = await SchemaEngine.new(
      { datamodels: [[schema.path, schema.content]] },
      () => undefined,
      bindMigrationAwareSqlAdapterFactory(factory),
    )
    const result = await work(engine, schema)
    engine.free()
    return result
  } catch (error) {
    if (panic === undefined) throw asMigrationError(error, factory.scriptFailure())
    const reason = `the schema engine failed: ${panic.split('\n', 1)[0] ?? ''}`
    // A module that panicked is in an undefined state: the next run gets a new one.
    panic = undefined
    ready = undefined
    throw new MigrationError(undefined, reason, { cause: error })
  }
}

/** The first line of an engine's error, which continues with a trace. */
function asMigrationError(error: unknown, scriptFailure: pg.DatabaseError | undefined): MigrationError {
  const { message, code } = error as { message: string; code?: string }
  const migration = /migration_name="([^"]+)"|[Mm]igration `([^`]+)`|The `([^`]+)` migration/.exec(message)
  const name = migration?.slice(1).find(Boolean)
  const reason = {
    P3005: 'The database holds tables but no record of migrations: it is not ours, or needs a baseline.',
    P3009:
      'it failed in an earlier run, and none is applied after it. Repair the database, then mark it rolled back.',
  }[code ?? '']
  const text = message
    .split('\n')
    .map((line) => line.trim())
    .find((line) => line !== '' && !/^(external connector error|Error:|Migration `.*)$/.test(line))
  return new MigrationError(
    name,
    reason ?? scriptFailure?.message ?? text ?? 'the schema engine gave no reason',
    { cause: scriptFailure ?? error },
  )
}

function readSchema(schemaPath: string): Promise<string> {
  return readFile(schemaPath, 'utf8').catch((cause: unknown) => {
    throw new MigrationError(undefined, `There is no Prisma schema at ${schemaPath}`, { cause })
  })
}

/** Node does not import WebAssembly as the package's entry expects: the module is instantiated manually. */
async function load(): Promise<void> {
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm')
  const bytes = await readFile(path.join(path.dirname(entry), 'schema_engine_bg.wasm'))
  // Prisma's modules require this name; a process may load several of them.
  const shared = globalThis as { PRISMA_WASM_PANIC_REGISTRY?: { set_message: (message: string) => void } }
  const others = shared.PRISMA_WASM_PANIC_REGISTRY
  shared.PRISMA_WASM_PANIC_REGISTRY = {
    set_message: (message) => {
      panic = message
      others?.set_message(message)
    },
  }
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': imports() })
  __wbg_set_wasm(instance.exports)
  const start = instance.exports['__wbindgen_start'] as () => void
  start()
}

/** What the module calls. Its timer for the lock is never cleared: it must not keep the process for 10 s. */
function imports(): Record<string, unknown> {
  const timer = (callback: () => void, ms: number) => setTimeout(callback, ms).unref()
  return Object.fromEntries(
    Object.entries(bindings).map(([name, value]) => [
      name,
      name.startsWith('__wbg_setTimeout') ? timer : value,
    ]),
  )
}
