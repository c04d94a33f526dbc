import { createStoreBlocking, type StoreBlockingOptions } from './block.ts'
import { createStoreCommands, type StoreCommandsOptions } from './commands.ts'
import { createStoreDeletion, type StoreDeletionOptions } from './delete.ts'
import { createStoreQueries } from './queries.ts'

export type { StoreRecord } from './queries.ts'

export type StoresOptions = StoreCommandsOptions & StoreBlockingOptions & StoreDeletionOptions

export type Stores = ReturnType<typeof createStores>

/** Stores, and the admin's hand on them. What must hold in the events service too goes there as a command. */
export const createStores = (options: StoresOptions) => ({
  ...createStoreQueries(options),
  ...createStoreCommands(options),
  ...createStoreBlocking(options),
  ...createStoreDeletion(options),
})
