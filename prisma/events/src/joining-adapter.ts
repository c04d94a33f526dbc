import { AsyncLocalStorage } from 'node:async_hooks'
import { PrismaPg } from '@prisma/adapter-pg'
import type { PoolClient } from 'pg'

type Adapter = Awaited<ReturnType<PrismaPg['connect']>>
type Transaction = Awaited<ReturnType<Adapter['startTransaction']>>

/** The connection whose open transaction Prisma joins. */
const joined = new AsyncLocalStorage<PoolClient>()

/** Runs `start`; a transaction that Prisma starts in it is the one that is open on a connection. */
export const joining = <T>(client: PoolClient, start: () => Promise<T>): Promise<T> =>
  joined.run(client, start)

const nothing = () => Promise.resolve()

/**
 * A transaction of Prisma's on an open connection; its initiator commits it, rolls it back and releases it.
 */
const transactionOn = (adapter: Adapter, client: PoolClient): Transaction =>
  Object.assign(Object.create(adapter) as Transaction, {
    client,
    options: { usePhantomQuery: true },
    commit: nothing,
    rollback: nothing,
  })

/** Prisma's adapter of `pg`, whose transactions can be those of hand-written SQL. */
export class JoiningAdapter extends PrismaPg {
  override async connect(): Promise<Adapter> {
    const adapter = await super.connect()
    const begin = adapter.startTransaction.bind(adapter)
    adapter.startTransaction = (isolationLevel) => {
      const client = joined.getStore()
      return client === undefined ? begin(isolationLevel) : Promise.resolve(transactionOn(adapter, client))
    }
    return adapter
  }
}
