import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startStack, type Stack } from '@user-stats/cli'

export interface TestStack extends Stack {
  readonly adminApiKey: string
  readonly dataDir: string
}

/**
 * The whole system on free ports, with data that goes with it. Only `durable` data survives a killed
 * database.
 */
export async function startTestStack({
  durable = false,
  env = {},
}: {
  readonly durable?: boolean
  readonly env?: Readonly<Record<string, string>>
} = {}): Promise<TestStack> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'user-stats-e2e-'))
  // Under root PostgreSQL runs as another user: without access, it would keep its data elsewhere, where it is
  // never removed.
  await chmod(dataDir, 0o711)
  const remove = () => rm(dataDir, { recursive: true, force: true })
  const ports = { GATEWAY_PORT: '0', USERS_PORT: '0', EVENTS_PORT: '0' }
  try {
    const stack = await startStack({ ...ports, ...env, DATA_DIR: dataDir }, { durable })
    const stop = async () => {
      await stack.stop()
      await remove()
    }
    const { adminApiKey } = stack
    if (adminApiKey === undefined) throw new Error('a first start creates an admin key')
    return { ...stack, adminApiKey, dataDir, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await remove()
    throw error
  }
}
