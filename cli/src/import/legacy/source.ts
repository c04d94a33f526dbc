import { connect } from '@user-stats/postgres'

type Client = Awaited<ReturnType<typeof connect>>

export interface ConsumerRow {
  readonly id: number
  readonly name: string | null
  readonly isActive: boolean | null
  readonly isAdmin: boolean | null
}

export interface KeyRow {
  readonly key: string
  readonly ownerId: number | null
}

export interface UserRow {
  readonly id: string
  readonly username: string | null
  readonly email: string | null
  readonly firstName: string | null
  readonly lastName: string | null
  readonly phone: number | null
  readonly storeId: number | null
}

export interface EventRow {
  readonly id: number
  readonly type: string | null
  readonly storeId: number | null
  readonly userId: string | null
  /** Milliseconds of UTC; null also where it is infinite. */
  readonly createdAt: number | null
  /** JSON as it was sent; null also where it is far too long. */
  readonly data: string | null
  readonly dataBytes: number | null
}

const userPage = 500
export const eventPage = 2_000
/** Bytes of `data` that are read at most: more is rejected anyway. */
const maxDataBytes = 262_144

export interface SourceUrls {
  readonly stores: string
  readonly users: string
  readonly events: string
}

/**
 * Reads the tables of the previous system, page by page, while it may be in use. Nothing is written there.
 */
export async function openSource(urls: SourceUrls, undo: AsyncDisposableStack) {
  const open = async (url: string): Promise<Client> => {
    const client = undo.use(await connect(url))
    await client.query('SET default_transaction_read_only = on')
    return client
  }
  const [stores, users, events] = [await open(urls.stores), await open(urls.users), await open(urls.events)]
  const all = async <Row extends object>(client: Client, text: string): Promise<Row[]> =>
    (await client.query<Row>(text)).rows

  return {
    consumers: () =>
      all<ConsumerRow>(
        stores,
        `SELECT id, name, is_active AS "isActive", is_admin AS "isAdmin" FROM consumers ORDER BY id`,
      ),

    keys: () => all<KeyRow>(stores, `SELECT key, owner_id AS "ownerId" FROM api_keys ORDER BY key`),

    /** In the order in which they are stored: of two with the same e-mail, look-ups found the first. */
    async *users(): AsyncGenerator<UserRow[]> {
      await users.query('BEGIN; SET LOCAL synchronize_seqscans = off; SET LOCAL enable_indexscan = off')
      await users.query(
        `DECLARE legacy_users NO SCROLL CURSOR FOR SELECT id, username, email, first_name AS "firstName",
           last_name AS "lastName", phone, store_id AS "storeId" FROM "user"`,
      )
      for (;;) {
        const rows = await all<UserRow>(users, `FETCH ${String(userPage)} FROM legacy_users`)
        if (rows.length === 0) break
        yield rows
      }
      await users.query('COMMIT')
    },

    async greatestEventId(): Promise<number> {
      const [row] = await all<{ id: number | null }>(events, 'SELECT max(id) AS id FROM events')
      return row?.id ?? 0
    },

    /** Events up to an id, in the order of their ids. */
    async *events(last: number): AsyncGenerator<EventRow[]> {
      let after = -2_147_483_649
      const read = async (): Promise<EventRow[]> => {
        const { rows } = await events.query<Omit<EventRow, 'createdAt'> & { createdAt: string | null }>({
          name: 'legacy-events',
          // Milliseconds are cut off, not rounded: an event stays in its day.
          text: `SELECT id, type, store_id AS "storeId", user_id AS "userId",
                   CASE WHEN isfinite(created_at)
                     THEN floor(extract(epoch FROM created_at) * 1000)::bigint::text END AS "createdAt",
                   CASE WHEN octet_length(data::text) <= $4::int THEN data::text END AS data,
                   octet_length(data::text) AS "dataBytes"
                 FROM events WHERE id > $1::bigint AND id <= $2::bigint ORDER BY id LIMIT $3`,
          values: [after, last, eventPage, maxDataBytes],
        })
        after = rows.at(-1)?.id ?? after
        return rows.map((row) => ({
          ...row,
          createdAt: row.createdAt === null ? null : Number(row.createdAt),
        }))
      }
      // The next page is read while this one is written.
      let next = read()
      for (;;) {
        const rows = await next
        if (rows.length === 0) return
        next = read()
        // A reader that stops does not wait for it.
        next.catch(() => undefined)
        yield rows
      }
    },

    /** How many events each store had on each UTC day, up to an id. */
    async countDays(last: number): Promise<{ storeId: number | null; day: string | null; events: number }[]> {
      const { rows } = await events.query<{ storeId: number | null; day: string | null; events: number }>(
        `SELECT store_id AS "storeId", created_at::date::text AS day, count(*)::int AS events
         FROM events WHERE id <= $1::bigint GROUP BY 1, 2`,
        [last],
      )
      return rows
    },
  }
}

export type Source = Awaited<ReturnType<typeof openSource>>
