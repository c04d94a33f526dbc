import DataLoader from 'dataloader'
import { DomainError } from '@user-stats/core'
import type { Session } from '../access/access.service.ts'
import type { StoreRecord, Stores } from './store.service.ts'

/** Stores by id, one query an operation and batch. */
export const createStoreLoader = (stores: Stores, session: Session): DataLoader<number, StoreRecord | null> =>
  new DataLoader((ids) => stores.byIds(session, ids), { maxBatchSize: 10_000 })

/** The store that something belongs to. @throws STORE_NOT_FOUND when it went a moment ago */
export async function loadStore(
  loader: DataLoader<number, StoreRecord | null>,
  id: number,
): Promise<StoreRecord> {
  const store = await loader.load(id)
  if (store === null) throw new DomainError('STORE_NOT_FOUND')
  return store
}
