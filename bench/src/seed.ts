import pg from 'pg'

const days = 90

/** Events spread over days, users and types, with the rollups recording them one by one would have made. */
const seed = `
WITH made AS MATERIALIZED (
  SELECT date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - (n % ${String(days)}) * interval '1 day'
           + (n % 80000) * interval '1 second' AS at,
         'u-' || (n * 7919 % 1000) AS user_id, (ARRAY['visit', 'cart', 'purchase'])[1 + n / ${String(days)} % 3] AS type
  FROM generate_series($2::bigint, $3::bigint) AS n
)
INSERT INTO events (store_id, occurred_at, user_id, type, data, created_at)
SELECT $1::int, least(at, now()), user_id, type, '{"price": 1}', now() FROM made`

const rollups = [
  `INSERT INTO user_type_days SELECT store_id, type, (occurred_at AT TIME ZONE 'UTC')::date, user_id, count(*)
   FROM events WHERE store_id = $1 GROUP BY 1, 2, 3, 4`,
  `INSERT INTO user_days SELECT store_id, day, user_id, sum(events) FROM user_type_days WHERE store_id = $1 GROUP BY 1, 2, 3`,
  `INSERT INTO type_day_totals SELECT store_id, type, day, sum(events), count(*)
   FROM user_type_days WHERE store_id = $1 GROUP BY 1, 2, 3`,
  `INSERT INTO day_totals (store_id, day, events, users, quarter_events)
   SELECT store_id, day, sum(events), count(*), sum(events) FROM user_days WHERE store_id = $1 GROUP BY 1, 2`,
  `INSERT INTO quarter_totals (store_id, quarter, type, events)
   SELECT store_id, floor(date_part('epoch', occurred_at) / 900)::int, type, count(*)
   FROM events WHERE store_id = $1 GROUP BY 1, 2, 3`,
]
const chunk = 1_000_000

/** 100,000 users with a long tail, eight types, four properties, ninety days. */
const realistic = `
WITH made AS MATERIALIZED (
  SELECT n, now() - (n * 7919 % (${String(days)} * 86400)) * interval '1 second' AS at,
         'u-' || floor(power(random(), 3) * 100000)::int AS user_id,
         (ARRAY['view', 'view', 'view', 'cart', 'search', 'purchase', 'like', 'login'])[1 + n % 8] AS type
  FROM generate_series($2::bigint, $3::bigint) AS n
)
INSERT INTO events (store_id, occurred_at, user_id, type, data, created_at)
SELECT $1::int, at, user_id, type, jsonb_build_object('price', n % 10000 / 100.0,
  'currency', (ARRAY['EUR', 'USD', 'GBP'])[1 + n % 3], 'product', 'sku-' || n * 31 % 5000,
  'country', (ARRAY['DE', 'FR', 'US', 'GB', 'IT', 'ES', 'PL', 'NL'])[1 + n * 13 % 8]), now() FROM made`

/** A connection that closes with its scope. */
export async function connect(connectionString: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
}

/** Gives a store so many events of the last ninety days, and the rollups they make. */
export const fill = (client: pg.Client, storeId: number, count: number): Promise<void> =>
  fillWith(seed, client, storeId, count)

/** The same with data as stores have it. */
export const fillRealistic = (client: pg.Client, storeId: number, count: number): Promise<void> =>
  fillWith(realistic, client, storeId, count)

async function fillWith(text: string, client: pg.Client, storeId: number, count: number): Promise<void> {
  for (let month = 0; month <= 4; month += 1)
    await client.query(`SELECT ensure_month((date_trunc('month', now()) - $1 * interval '1 month')::date)`, [
      month,
    ])
  for (let from = 0; from < count; from += chunk)
    await client.query(text, [storeId, from, Math.min(from + chunk, count) - 1])
  for (const rollup of rollups) await client.query(rollup, [storeId])
  await client.query('ANALYZE')
}
