import { createBlocking, type BlockingOptions } from './block.ts'
import { createWriting, type WritingOptions } from './commands.ts'
import { createDeletion, type DeletionOptions } from './delete.ts'
import { createReading } from './queries.ts'

export type { StoreRecord } from './queries.ts'

export type StoresOptions = WritingOptions & BlockingOptions & DeletionOptions

export type Stores = ReturnType<typeof createStores>

/** Stores, and the admin's hand on them. What must hold in the events service too goes there as a command. */
export const createStores = (options: StoresOptions) => ({
  ...createReading(options),
  ...createWriting(options),
  ...createBlocking(options),
  ...createDeletion(options),
})
