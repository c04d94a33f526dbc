import DataLoader from 'dataloader'
import { DomainError } from '@user-stats/core'
import type { Session } from '../access/access.service.ts'
import type { StoreRecord, Stores } from './store.service.ts'

/** Stores by id, one query per batch of an operation. */
export const createStoreLoader = (stores: Stores, session: Session): DataLoader<number, StoreRecord | null> =>
  new DataLoader((ids) => stores.byIds(session, ids), { maxBatchSize: 10_000 })

/** The store of an object. @throws STORE_NOT_FOUND when it was deleted in the meantime */
export async function loadStore(
  loader: DataLoader<number, StoreRecord | null>,
  id: number,
): Promise<StoreRecord> {
  const store = await loader.load(id)
  if (store === null) throw new DomainError('STORE_NOT_FOUND')
  return store
}
