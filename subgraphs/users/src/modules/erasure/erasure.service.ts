import { validate as isUuid } from 'uuid'
import {
  tenantOf,
  tenantsOf,
  fromCursor,
  requireFirst,
  toPage,
  type Page,
  type PageRequest,
} from '@user-stats/core'
import type { Session } from '../access/access.service.ts'
import { createPersonalDataDeletion } from './delete-personal-data.ts'
import { createErasureProcess, type ErasureProcessOptions } from './erasure-process.ts'
import type { ErasureFilter } from './erasure.repository.ts'
import type { ErasureRecord } from './erasure.types.ts'

export type Erasures = ReturnType<typeof createErasures>

/** Erasing users, visitors and stores, and listing erasures: for their store and for admins. */
export const createErasures = (options: ErasureProcessOptions) => ({
  ...createErasureProcess(options),
  ...createPersonalDataDeletion(options),

  /** Null when there is none, or it belongs to another store. */
  async byId(session: Session, id: string): Promise<ErasureRecord | null> {
    const tenant = tenantsOf(await session.activeCaller())
    return isUuid(id) ? ((await options.erasures.byId(tenant, id)) ?? null) : null
  },

  /** @param filter.storeId admins may leave it out */
  async page(
    session: Session,
    {
      storeId: named,
      ...filter
    }: Omit<ErasureFilter, 'storeId'> & { readonly storeId?: number | null | undefined },
    { first, after }: PageRequest,
  ): Promise<Page<ErasureRecord>> {
    const caller = await session.activeCaller()
    const storeId = caller.role === 'ADMIN' ? (named ?? null) : tenantOf(caller, named)
    const limit = requireFirst(first)
    const from = after == null ? null : fromCursor(after, isUuid)
    return toPage(await options.erasures.page({ ...filter, storeId }, from, limit + 1), limit)
  },
})
