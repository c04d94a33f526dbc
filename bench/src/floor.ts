import type { Pool, PoolClient } from 'pg'

/** Tables like ours without what we promise: no access, no idempotency keys, no partitions, no tombstones. */
export const floorTables = `
CREATE SCHEMA IF NOT EXISTS bench;
CREATE TABLE IF NOT EXISTS bench.events (store_id int, occurred_at timestamptz(3), id bigint GENERATED ALWAYS AS IDENTITY,
  user_id varchar(128), type varchar(128), data jsonb, created_at timestamptz(3), PRIMARY KEY (store_id, occurred_at, id));
CREATE TABLE IF NOT EXISTS bench.user_type_days (store_id int, type varchar(128), day date, user_id varchar(128),
  events bigint, PRIMARY KEY (store_id, type, day, user_id));
CREATE TABLE IF NOT EXISTS bench.type_day_totals (store_id int, type varchar(128), day date, events bigint,
  users bigint, PRIMARY KEY (store_id, type, day));
CREATE TABLE IF NOT EXISTS bench.user_days (store_id int, day date, user_id varchar(128), events bigint,
  PRIMARY KEY (store_id, day, user_id));
CREATE TABLE IF NOT EXISTS bench.day_totals (store_id int, day date, events bigint, users bigint,
  PRIMARY KEY (store_id, day));`

const input = `unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
  AS i(store_id, user_id, type, data, at)`

const insertOnly = `INSERT INTO bench.events (store_id, occurred_at, user_id, type, data, created_at)
  SELECT store_id, at, user_id, type, data::jsonb, at FROM ${input} RETURNING id`

const withRollups = `
WITH i AS MATERIALIZED (SELECT *, (at AT TIME ZONE 'UTC')::date AS day FROM ${input}),
written AS (
  INSERT INTO bench.events (store_id, occurred_at, user_id, type, data, created_at)
  SELECT store_id, at, user_id, type, data::jsonb, at FROM i RETURNING id
), b AS MATERIALIZED (SELECT store_id, type, day, user_id, count(*) AS events FROM i GROUP BY 1, 2, 3, 4),
ut AS (
  INSERT INTO bench.user_type_days AS t SELECT * FROM b ORDER BY 1, 2, 3, 4
  ON CONFLICT (store_id, type, day, user_id) DO UPDATE SET events = t.events + EXCLUDED.events
  RETURNING store_id, type, day, user_id, events
), tt AS (
  INSERT INTO bench.type_day_totals AS t
  SELECT store_id, type, day, sum(b.events), count(*) FILTER (WHERE ut.events = b.events)
  FROM b JOIN ut USING (store_id, type, day, user_id) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (store_id, type, day) DO UPDATE SET events = t.events + EXCLUDED.events, users = t.users + EXCLUDED.users
), bd AS MATERIALIZED (SELECT store_id, day, user_id, sum(events)::bigint AS events FROM b GROUP BY 1, 2, 3),
u AS (
  INSERT INTO bench.user_days AS t SELECT * FROM bd ORDER BY 1, 2, 3
  ON CONFLICT (store_id, day, user_id) DO UPDATE SET events = t.events + EXCLUDED.events
  RETURNING store_id, day, user_id, events
), td AS (
  INSERT INTO bench.day_totals AS t
  SELECT store_id, day, sum(bd.events), count(*) FILTER (WHERE u.events = bd.events)
  FROM bd JOIN u USING (store_id, day, user_id) GROUP BY 1, 2 ORDER BY 1, 2
  ON CONFLICT (store_id, day) DO UPDATE SET events = t.events + EXCLUDED.events, users = t.users + EXCLUDED.users
) SELECT id FROM written`

export interface FloorEvent {
  readonly storeId: number
  readonly userId: string
  readonly type: string
  readonly data: string
}

/** Writes a batch in one durable statement. @returns ids, in no particular order */
export async function writeFloor(
  client: Pool | PoolClient,
  events: readonly FloorEvent[],
  rollups: boolean,
): Promise<string[]> {
  const at = new Date().toISOString()
  const { rows } = await client.query<{ id: string }>({
    // As our service does: a plan made once for every batch is a bad one for large ones.
    ...(events.length <= 40 && { name: rollups ? 'floor-rollups' : 'floor' }),
    text: rollups ? withRollups : insertOnly,
    values: [
      events.map(({ storeId }) => storeId),
      events.map(({ userId }) => userId),
      events.map(({ type }) => type),
      events.map(({ data }) => data),
      events.map(() => at),
    ],
  })
  return rows.map(({ id }) => id)
}
