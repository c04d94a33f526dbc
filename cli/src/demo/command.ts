import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CommandContext } from '../command-context.ts'
import { readText, replaceFile } from '../durable-file.ts'
import { startStack, type Stack } from '../stack.ts'
import { untilAborted } from '../start.ts'
import type { Terminal } from '../terminal.ts'
import { seedDemo, type Demo } from './seed.ts'

const defaultDataDir = fileURLToPath(new URL('../../../.data-demo', import.meta.url))

/**
 * Runs everything on a data directory of its own, with two shops that do not exist. They are made by the
 * first run; later ones show the same data.
 */
export async function runDemo({ env, ...options }: CommandContext): Promise<number> {
  const { signal, terminal } = options
  const dataDir = env['DATA_DIR'] ?? defaultDataDir
  await using stack = await startStack({ ...env, DATA_DIR: dataDir }, options)
  const file = path.join(dataDir, 'demo.json')
  const kept = await readText(file)
  const demo =
    kept === undefined
      ? await seedDemo({ ...connectionTo(stack), onProgress: createProgressBar(terminal) })
      : (JSON.parse(kept) as Demo)
  if (kept === undefined) await replaceFile(file, JSON.stringify(demo))
  printKeys(terminal, stack, demo)
  await untilAborted(signal)
  return 0
}

function connectionTo({ urls, adminApiKey }: Stack) {
  if (adminApiKey === undefined) throw new Error('The demo needs the admin key in its data directory.')
  return { gatewayUrl: urls.gateway, adminApiKey }
}

/** A line for each tenth, or one line that grows on a terminal. */
function createProgressBar({ line }: Terminal): (share: number) => void {
  let shown = -1
  return (share) => {
    const tenths = Math.floor(share * 10)
    if (tenths <= shown) return
    shown = tenths
    line('demo', `${'█'.repeat(tenths)}${'░'.repeat(10 - tenths)} ${String(tenths * 10)} %`)
  }
}

function printKeys({ line }: Terminal, { urls, adminApiKey }: Stack, demo: Demo): void {
  line('open', `${urls.gateway}/ and sign in with one of these keys`)
  if (adminApiKey !== undefined) line('key', `admin:                  ${adminApiKey}`)
  line('key', `analyst of all stores:  ${demo.allStoresAnalystKey}`)
  line('key', `analyst of one store:   ${demo.analystKey}`)
  for (const { name, storeKey } of demo.stores) line('key', `${`${name}:`.padEnd(23)} ${storeKey}`)
}
