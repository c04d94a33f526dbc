import pg from 'pg'
import { measure, type Pace } from './load.ts'
import type { System } from './system.ts'
import { cellsOf, sampleColumns, type Row, type Section } from './table.ts'

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
  `INSERT INTO day_totals SELECT store_id, day, sum(events), count(*) FROM user_days WHERE store_id = $1 GROUP BY 1, 2`,
]
const chunk = 1_000_000

async function connect(connectionString: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() })
}

async function fill(client: pg.Client, storeId: number, count: number): Promise<void> {
  for (let month = 0; month <= 4; month += 1)
    await client.query(`SELECT ensure_month((date_trunc('month', now()) - $1 * interval '1 month')::date)`, [
      month,
    ])
  for (let from = 0; from < count; from += chunk)
    await client.query(seed, [storeId, from, Math.min(from + chunk, count) - 1])
  for (const text of rollups) await client.query(text, [storeId])
  await client.query('ANALYZE')
}

/** The documented aggregates of stores with few, many and very many events. */
export async function aggregates(system: System, pace: Pace, counts: readonly number[]): Promise<Section> {
  const { stack } = system
  await using client = await connect(stack.databases.events.ownerUrl)
  const rows: Row[] = []
  const rates = new Map<string, number[]>()
  for (const count of counts) {
    const { id, token } = await system.openShop(`aggregates ${String(count)}`)
    process.stderr.write(`seeding ${count.toLocaleString('en')} events\n`)
    await fill(client, id, count)
    for (const path of ['amount/visit', 'avg-time/visit', `store-events-amount/${String(id)}`]) {
      const url = `${stack.urls.gateway}/api/event/${path}`
      const answer = (await (
        await fetch(url, { headers: { authorization: `Bearer ${token}` } })
      ).json()) as unknown[]
      if (answer.length !== 50) throw new Error(`${path} answers ${JSON.stringify(answer).slice(0, 200)}`)
      const sample = await measure(
        { url, method: 'GET', headers: { authorization: `Bearer ${token}` }, connections: 16 },
        { gateway: stack.services.gateway.pid, events: stack.services.events.pid },
        pace,
      )
      const name = path.split('/')[0] ?? path
      rates.set(name, [...(rates.get(name) ?? []), sample.rate])
      rows.push([name, count.toLocaleString('en'), ...cellsOf(sample)])
      process.stderr.write(`${name} ${String(count)}: ${cellsOf(sample).join(' | ')}\n`)
    }
  }
  return {
    title: 'Aggregates through the gateway, 16 connections',
    columns: ['aggregate', 'events held', ...sampleColumns],
    rows,
    ratios: [...rates].map(
      ([name, all]) =>
        `${name}, slowest : fastest of ${counts.map((count) => count.toLocaleString('en')).join(', ')} events: **${(Math.min(...all) / Math.max(...all)).toFixed(2)}**`,
    ),
  }
}
