import { createStoreBlocking, type StoreBlockingOptions } from './block.ts'
import { createStoreCommands, type StoreCommandsOptions } from './commands.ts'
import { createStoreQueries } from './queries.ts'

export type { StoreRecord } from './queries.ts'

export type StoresOptions = StoreCommandsOptions & StoreBlockingOptions

export type Stores = ReturnType<typeof createStores>

/**
 * Store management (admin only). Changes that the events service must enforce are sent through the outbox.
 */
export const createStores = (options: StoresOptions) => ({
  ...createStoreQueries(options),
  ...createStoreCommands(options),
  ...createStoreBlocking(options),
})
