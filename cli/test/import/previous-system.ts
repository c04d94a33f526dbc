import { connect } from '@user-stats/postgres'
import type { TestPostgres } from '@user-stats/postgres/testing'

/** The tables as the previous system's SQLAlchemy models create them. */
const tables = `
CREATE TABLE consumers (id SERIAL PRIMARY KEY, name VARCHAR, is_active BOOLEAN, is_admin BOOLEAN);
CREATE TABLE api_keys (key VARCHAR PRIMARY KEY, owner_id INTEGER REFERENCES consumers (id));
CREATE TABLE "user" (id UUID PRIMARY KEY, username VARCHAR(100), email VARCHAR(100), first_name VARCHAR(300),
  last_name VARCHAR(300), phone INTEGER, store_id INTEGER);
CREATE TABLE events (id SERIAL PRIMARY KEY, type VARCHAR, store_id INTEGER, user_id VARCHAR,
  created_at TIMESTAMP WITHOUT TIME ZONE, data JSON);`

/** A database of the previous system, with a client to fill it. */
export async function startPreviousSystem(server: TestPostgres) {
  const { ownerUrl: url } = await server.createDatabase()
  const client = await connect(url)
  await client.query(tables)
  return {
    url,
    query: (text: string, values: unknown[] = []) => client.query(text, values),
    event: (
      id: number,
      row: {
        store?: number | null
        user?: string | null
        type?: string | null
        at?: string | null
        data?: string | null
      } = {},
    ) => {
      const {
        store = 1,
        user = ann,
        type = 'view',
        at = '2026-03-01 10:00:00.123456',
        data = '{"n": 1}',
      } = row
      return client.query(
        'INSERT INTO events (id, type, store_id, user_id, created_at, data) VALUES ($1, $2, $3, $4, $5, $6)',
        [id, type, store, user, at, data],
      )
    },
    [Symbol.asyncDispose]: () => client[Symbol.asyncDispose](),
  }
}

export const ann = '7d444840-9dc0-4cd1-a245-5ffdce74fad2'
export const bob = 'c9bf9e57-1685-4c89-bafb-ff5af830be8a'
export const eve = '16fd2706-8baf-433b-82eb-8c7fada847da'
export const dan = '886313e1-3b8a-4372-9b90-0c9aee199e5d'

/** Two stores, a blocked one and an administrator, with keys as they were entered by hand. */
export const consumers = `
INSERT INTO consumers (id, name, is_active, is_admin) VALUES
  (1, 'Shoes', true, false), (2, 'Hats', true, false), (5, NULL, false, false), (7, 'Boss', true, true),
  (9, 'Gone boss', false, true);
INSERT INTO api_keys (key, owner_id) VALUES
  ('shoes-key', 1), ('x', 1), ('hats & / ключ', 2), ('blocked-key', 5), ('boss-key', 7), ('gone-boss-key', 9),
  ('', 2), ('of nobody', NULL);`
