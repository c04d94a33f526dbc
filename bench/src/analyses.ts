import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { startStack } from '@user-stats/cli'
import type pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { connect, fillRealistic } from './seed.ts'
import type { System } from './system.ts'
import type { Row, Section } from './table.ts'

const runs = 3
const berlinDay = '(ts + 3600000) // 86400000'
const perUser = (part: string, more = ''): string =>
  `SELECT part, count(*), sum(n) FROM (SELECT part, u, count(*) AS n FROM (SELECT ${part} AS part, u FROM e WHERE ts >= $from ${more}) GROUP BY GROUPING SETS ((part, u), (u))) GROUP BY part`

interface Question {
  readonly name: string
  readonly days: number
  readonly document: (filter: string) => string
  /** The same by hand on a table `e` of DuckDB. */
  readonly sql: string
}

const series =
  (selection: string, more = '', granularity = 'DAY', zone = 'Europe/Berlin') =>
  (filter: string) =>
    `{ eventSeries(filter: {${filter}}, granularity: ${granularity}, timeZone: "${zone}" ${more}) { ${selection} } }`

const questions: readonly Question[] = [
  {
    name: 'UTC days, events and users, totals',
    days: 30,
    document: series('points { events users } totals { users }', '', 'DAY', 'UTC'),
    sql: perUser('ts // 86400000'),
  },
  {
    name: 'Berlin days, events and users',
    days: 30,
    document: series('points { events users }'),
    sql: perUser(berlinDay),
  },
  {
    name: 'Berlin days by type, with users',
    days: 30,
    document: series('groups { key points { events users } }', 'groupBy: { by: TYPE, top: 8 }'),
    sql: perUser(`(${berlinDay}, type)`),
  },
  {
    name: 'Berlin weeks, users, 90 days',
    days: 90,
    document: series('points { users }', '', 'WEEK'),
    sql: perUser(`((ts + 3600000) // 86400000 + 3) // 7`),
  },
  {
    name: 'revenue per day and currency',
    days: 30,
    document: series(
      'groups { key points { statistics { sum } } }',
      'groupBy: { by: DATA, path: "$.currency", top: 5 }, statisticsOf: { path: "$.price", percentiles: [] }',
    ),
    sql: `SELECT ${berlinDay}, currency, sum(price), count(*) FROM e WHERE ts >= $from GROUP BY GROUPING SETS ((1, 2), (2))`,
  },
  {
    name: 'top products',
    days: 30,
    document: series('groups { key totals { events } }', 'groupBy: { by: DATA, path: "$.product", top: 20 }'),
    sql: 'SELECT product, count(*) FROM e WHERE ts >= $from GROUP BY 1 ORDER BY 2 DESC LIMIT 20',
  },
  {
    name: 'by country, with users',
    days: 30,
    document: series(
      'groups { key points { events users } }',
      'groupBy: { by: DATA, path: "$.country", top: 10 }',
    ),
    sql: perUser(`(${berlinDay}, country)`),
  },
  {
    name: 'funnel view, cart, purchase in 7 days',
    days: 30,
    document: (filter) =>
      `{ funnel(filter: {${filter}}, timeZone: "Europe/Berlin", withinSeconds: 604800, steps: [{ types: ["view"] }, { types: ["cart"] }, { types: ["purchase"] }]) { steps { users } } }`,
    sql: `SELECT count(DISTINCT u) FILTER (WHERE type = 'purchase' AND ts <= c + 604800000) FROM (
      SELECT *, max(v) OVER (PARTITION BY u ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS c FROM (
        SELECT *, CASE WHEN type = 'view' THEN ts WHEN type = 'cart' THEN max(CASE WHEN type = 'view' THEN ts END)
          OVER (PARTITION BY u ORDER BY ts RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) END AS v
        FROM e WHERE ts >= $from AND type IN ('view', 'cart', 'purchase')))`,
  },
  {
    name: 'retention, 12 weeks',
    days: 84,
    document: (filter) =>
      `{ retention(filter: {${filter}}, timeZone: "Europe/Berlin", weeks: 12) { cohorts { users weeks { users } } } }`,
    sql: `WITH a AS MATERIALIZED (SELECT DISTINCT ((ts + 3600000) // 86400000 + 3) // 7 AS part, u FROM e WHERE ts >= $from),
      f AS (SELECT u, min(part) AS cohort FROM a ANTI JOIN (SELECT DISTINCT u FROM e WHERE ts < $from) USING (u) GROUP BY u)
      SELECT cohort, part - cohort, count(*) FROM f JOIN a USING (u) GROUP BY 1, 2`,
  },
]

const median = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? NaN

/** The events of a store as a table of DuckDB, users and types as it likes them best. */
async function copyToDuckdb(
  client: pg.Client,
  storeId: number,
  directory: string,
): Promise<DuckDBConnection> {
  const csv = join(directory, 'events.csv')
  const text = `COPY (SELECT (extract(epoch FROM occurred_at) * 1000)::bigint, substr(user_id, 3)::int, type, data->>'price',
    data->>'currency', data->>'product', data->>'country' FROM events WHERE store_id = ${String(storeId)}) TO STDOUT (FORMAT csv)`
  await pipeline(client.query(copyTo(text)), createWriteStream(csv))
  const duckdb = await (await DuckDBInstance.create(join(directory, 'alone.duckdb'))).connect()
  await duckdb.run(
    `CREATE TABLE e AS SELECT * FROM read_csv('${csv}', header = false, columns = {
       'ts': 'BIGINT', 'u': 'INT', 'type': 'VARCHAR', 'price': 'DECIMAL(18, 2)', 'currency': 'VARCHAR', 'product': 'VARCHAR', 'country': 'VARCHAR'
     }) ORDER BY ts; CHECKPOINT`,
  )
  await rm(csv)
  return duckdb
}

/**
 * Questions of an analyst at the events service: from segments, from PostgreSQL, and by hand on the same rows
 * in DuckDB. Between any two questions from segments ten thousand events are recorded, in a second pass.
 */
export async function analyses(system: System, count: number): Promise<Section> {
  const { stack, directory } = system
  await using client = await connect(stack.databases.events.ownerUrl)
  const { id, token } = await system.openShop('analyses')
  process.stderr.write(`seeding ${count.toLocaleString('en')} events\n`)
  await fillRealistic(client, id, count)
  const duckdb = await copyToDuckdb(client, id, directory)
  await using plain = await startStack(
    {
      ...process.env,
      DATA_DIR: join(directory, 'plain'),
      EVENTS_DATABASE_URL: stack.databases.events.url,
      EVENTS_OWNER_URL: stack.databases.events.ownerUrl,
      USERS_URL: stack.urls.users,
      EVENTS_PORT: '0',
      ANALYTICS_CACHE_BYTES: '0',
    },
    { services: ['events'] },
  )
  const from = (days: number): Date => new Date(Math.floor(Date.now() / 86_400_000 - days + 1) * 86_400_000)
  const ask = async (url: string, { document, days }: Question): Promise<boolean> => {
    const filter = `storeId: ${String(id)}, from: "${from(days).toISOString()}"`
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query: document(filter) }),
    })
    return !(await response.text()).includes('"errors"')
  }
  const record = async (): Promise<void> => {
    const lines = Array.from({ length: 10_000 }, (_, at) =>
      JSON.stringify({ type: 'view', userId: `u-${String(at * 7)}`, data: { price: 1, currency: 'EUR' } }),
    )
    await fetch(`${stack.urls.events}/api/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson', authorization: `Bearer ${token}` },
      body: lines.join('\n'),
    })
  }
  const measure = async (work: () => Promise<boolean>, before?: () => Promise<void>): Promise<string> => {
    const times: number[] = []
    for (let run = 0; run < runs; run += 1) {
      await before?.()
      const start = performance.now()
      if (!(await work())) return 'refused'
      times.push(performance.now() - start)
    }
    return `${median(times).toFixed(0)} ms`
  }

  // The first questions make segments; closed days, and what is too much for one question, are read in the background.
  for (const question of questions) await ask(stack.urls.events, question)
  await setTimeout(Math.max(10_000, count / 50))
  for (const question of questions) await ask(stack.urls.events, question)
  const rows: Row[] = []
  for (const question of questions) {
    const alone = await measure(async () => {
      await duckdb.runAndReadAll(question.sql.replaceAll('$from', String(from(question.days).getTime())))
      return true
    })
    const row = [
      question.name,
      await measure(() => ask(stack.urls.events, question)),
      await measure(() => ask(stack.urls.events, question), record),
      await measure(() => ask(plain.urls.events, question)),
      alone,
    ]
    rows.push(row)
    process.stderr.write(`${row.join(' | ')}\n`)
  }
  return {
    title: `Analyses of one store with ${count.toLocaleString('en')} events`,
    columns: ['question', 'segments', 'and 10,000 new events before each', 'PostgreSQL', 'DuckDB alone'],
    rows,
    ratios: [],
  }
}
