import { dayOfQuarterSql, quarterSql } from '../rollup/quarters.ts'

// A store that is being deleted is deleted in parts.
const notDeleted = (store: string): string =>
  `NOT EXISTS (SELECT FROM store_access a WHERE a.store_id = ${store} AND a.state = 'DELETED')`

/**
 * The rollups by days of the store $1 (null: all) from $2 to before $3, except for days without raw events.
 */
const held = (table: string): string => `(
  SELECT t.* FROM ${table} t LEFT JOIN retention own ON own.store_id = t.store_id
  WHERE ${notDeleted('t.store_id')} AND ($1::int IS NULL OR t.store_id = $1) AND t.day >= greatest($2::date, own.raw_from) AND t.day < $3::date)`

/** Rows of a rollup by user that are missing, superfluous, or wrong. */
const ofUsers = (rollup: string, recounted: string, table: string, type: string, key: string): string => `
  SELECT '${rollup}' AS rollup, store_id, day, ${type} AS type, user_id,
         coalesce(c.events, 0) AS recounted_events, (c.events IS NOT NULL)::int::bigint AS recounted_users,
         coalesce(h.events, 0) AS held_events, (h.events IS NOT NULL)::int::bigint AS held_users
  FROM ${recounted} c FULL JOIN ${held(table)} h USING (${key})
  WHERE c.events IS DISTINCT FROM h.events`

/** The same for a rollup of totals. */
const ofTotals = (rollup: string, recounted: string, table: string, type: string, key: string): string => `
  SELECT '${rollup}', store_id, day, ${type}, NULL,
         coalesce(c.events, 0), coalesce(c.users, 0), coalesce(h.events, 0), coalesce(h.users, 0)
  FROM (SELECT ${key}, sum(events)::bigint AS events, count(*) AS users FROM ${recounted} GROUP BY ${key}) c
  FULL JOIN ${held(table)} h USING (${key})
  WHERE (c.events, c.users) IS DISTINCT FROM (h.events, h.users)`

/** The same of totals by the quarter, but for days that are yet to be counted by quarters. */
const ofQuarters = `
  SELECT 'QUARTER_TOTALS', store_id, day, type, NULL, coalesce(c.events, 0), 0, coalesce(h.events, 0), 0
  FROM (SELECT store_id, day, quarter, type, sum(events)::bigint AS events FROM raw_quarters GROUP BY 1, 2, 3, 4) c
  FULL JOIN ${held(`(SELECT *, ${dayOfQuarterSql('quarter')} AS day FROM quarter_totals
    WHERE quarter >= ($2::date - '1970-01-01'::date) * 96 AND quarter < ($3::date - '1970-01-01'::date) * 96)`)} h
    USING (store_id, day, quarter, type)
  WHERE c.events IS DISTINCT FROM h.events
    AND (store_id, day) NOT IN (SELECT store_id, day FROM day_totals WHERE quarter_events <> events)`

/**
 * Recounts raw events and compares them with all rollups: returns one row with the counts and the first
 * differences. Parameters: store (or null for all), from, to, the maximum number of differences to list.
 */
export const recountText = `
WITH raw_quarters AS MATERIALIZED (
  SELECT e.store_id, e.type, (e.occurred_at AT TIME ZONE 'UTC')::date AS day, e.user_id,
         ${quarterSql('e.occurred_at')} AS quarter, count(*) AS events
  FROM events e LEFT JOIN retention own ON own.store_id = e.store_id
  WHERE ($1::int IS NULL OR e.store_id = $1) AND ${notDeleted('e.store_id')}
    AND e.occurred_at >= $2::date::timestamp AT TIME ZONE 'UTC'
    AND e.occurred_at < $3::date::timestamp AT TIME ZONE 'UTC'
    AND (own.raw_from IS NULL OR e.occurred_at >= own.raw_from::timestamp AT TIME ZONE 'UTC')
  GROUP BY 1, 2, 3, 4, 5
), raw AS MATERIALIZED (
  SELECT store_id, type, day, user_id, sum(events)::bigint AS events FROM raw_quarters GROUP BY 1, 2, 3, 4
), raw_days AS MATERIALIZED (
  SELECT store_id, day, user_id, sum(events)::bigint AS events FROM raw GROUP BY 1, 2, 3
), differences AS MATERIALIZED (
  ${[
    ofUsers('USER_TYPE_DAYS', 'raw', 'user_type_days', 'type', 'store_id, type, day, user_id'),
    ofUsers('USER_DAYS', 'raw_days', 'user_days', 'NULL', 'store_id, day, user_id'),
    ofTotals('TYPE_DAY_TOTALS', 'raw', 'type_day_totals', 'type', 'store_id, type, day'),
    ofTotals('DAY_TOTALS', 'raw_days', 'day_totals', 'NULL', 'store_id, day'),
    ofQuarters,
  ].join('\n  UNION ALL')}
)
SELECT
  (SELECT coalesce(sum(events), 0)::text FROM raw) AS events,
  (SELECT count(*)::text FROM (
     SELECT store_id, day FROM raw_days UNION SELECT store_id, day FROM ${held('day_totals')} h
   ) d) AS days,
  (SELECT count(*)::text FROM differences) AS differences,
  (SELECT coalesce(json_agg(d), '[]') FROM (
     SELECT rollup, store_id AS "storeId", day AS date, type, user_id AS "userId",
            json_build_object('events', recounted_events, 'users', recounted_users) AS recounted,
            json_build_object('events', held_events, 'users', held_users) AS held
     FROM differences ORDER BY store_id, day, rollup, type, user_id LIMIT $4
   ) d) AS first`
