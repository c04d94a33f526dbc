import { createBlocking, type BlockingOptions } from './blocking.ts'
import { createWriting, type WritingOptions } from './writing.ts'
import { createDeletion, type DeletionOptions } from './deletion.ts'
import { createReading } from './reading.ts'

export type { StoreRecord } from './reading.ts'

export type StoresOptions = WritingOptions & BlockingOptions & DeletionOptions

export type Stores = ReturnType<typeof createStores>

/** Stores, and the admin's hand on them. What must hold in the events service too goes there as a command. */
export const createStores = (options: StoresOptions) => ({
  ...createReading(options),
  ...createWriting(options),
  ...createBlocking(options),
  ...createDeletion(options),
})
