import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals'
import { runExportEvents } from '../../src/export/events.ts'
import { runImportEvents, type ImportEventsOptions } from '../../src/import/events/command.ts'
import { startStack, type Stack } from '../../src/index.ts'
import { freePorts, recordingTerminal, temporaryDir } from '../helpers.ts'
import { openShop } from '../shop.ts'

jest.setTimeout(120_000)

let home: Awaited<ReturnType<typeof temporaryDir>>
let stack: Stack
beforeAll(async () => {
  home = await temporaryDir()
  stack = await startStack({ ...freePorts, DATA_DIR: home.dir }, { durable: false })
})
afterAll(async () => {
  await stack[Symbol.asyncDispose]()
  await home[Symbol.asyncDispose]()
})

async function world() {
  const shop = await openShop(stack)
  const env = { USER_STATS_URL: stack.urls.gateway, USER_STATS_KEY: shop.apiKey }
  const rejected = path.join(home.dir, `rejected-${String(shop.id)}`)
  return {
    rejected,
    env,
    async import(name: string, content: string | Buffer, options: Omit<ImportEventsOptions, 'file'>) {
      const file = path.join(home.dir, `${String(shop.id)}-${name}`)
      await writeFile(file, content)
      const { terminal, lines } = recordingTerminal()
      const code = await runImportEvents({ file, rejected, env, terminal, ...options })
      return { code, done: lines.find((line) => line.startsWith('done')) }
    },
    async events() {
      const { body } = await shop.send('POST', '/graphql', shop.token, {
        query: '{ events(first: 100) { nodes { type userId occurredAt data } } }',
      })
      return body.data.events.nodes as Record<string, unknown>[]
    },
  }
}

test('a CSV is sent by a mapping, once however often; what is wrong in it is named by its line in a private file', async () => {
  const shop = await world()
  const csv =
    '\uFEFFevent,distinct_id,timestamp,price\r\n' +
    'view,"u ""1""\nx",2026-05-01 10:00:00.123456,9.5\r\n' +
    'view,u2,1777629600,\r\n' +
    'view,,2026-05-01,1\r\n' +
    'view,u3,tomorrow,1'
  const options = {
    map: "type=event,user_id=distinct_id,occurred_at=timestamp,data.price=price,data.from='csv'",
    rejected: shop.rejected,
  }
  expect(await shop.import('a.csv', csv, options)).toEqual({
    code: 1,
    done: 'done 2 events recorded, 0 were known',
  })
  expect(await shop.import('a.csv.gz', gzipSync(csv), options)).toEqual({
    code: 1,
    done: 'done 0 events recorded, 2 were known',
  })
  expect(await shop.events()).toEqual([
    {
      type: 'view',
      userId: 'u "1"\nx',
      occurredAt: '2026-05-01T10:00:00.123Z',
      data: { price: 9.5, from: 'csv' },
    },
    { type: 'view', userId: 'u2', occurredAt: '2026-05-01T10:00:00.000Z', data: { from: 'csv' } },
  ])
  const lines = (await readFile(shop.rejected, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object)
  expect(lines).toEqual([
    expect.objectContaining({ line: 5, reason: expect.stringMatching(/^user_id: is required/) }),
    expect.objectContaining({ line: 6, reason: expect.stringMatching(/^occurred_at/) }),
  ])
  expect((await stat(shop.rejected)).mode & 0o777).toBe(0o600)
})

test.each([
  [
    'ga4',
    'ndjson',
    '{"event_date":"20260501","event_timestamp":"1777629600123456","event_name":"purchase","user_pseudo_id":"1.2","event_params":[{"key":"value","value":{"string_value":null,"int_value":null,"double_value":12.5}},{"key":"ga_session_id","value":{"int_value":"42"}},{"key":"currency","value":{"string_value":"EUR"}}],"items":[{"item_id":"S1","price":12.5,"coupon":null}],"ecommerce":{"transaction_id":"T1"},"geo":{"country":"Germany"},"device":{"category":"mobile"}}',
    {
      type: 'purchase',
      userId: '1.2',
      occurredAt: '2026-05-01T10:00:00.123Z',
      data: {
        value: 12.5,
        ga_session_id: 42,
        currency: 'EUR',
        items: [{ item_id: 'S1', price: 12.5 }],
        transaction_id: 'T1',
        country: 'Germany',
        device: 'mobile',
      },
    },
  ],
  [
    'posthog',
    'csv',
    'uuid,event,distinct_id,timestamp,properties\n0190-1,$pageview,d1,2026-05-01T10:00:00.5+00:00,"{""$current_url"":""/a"",""$ip"":""1.2.3.4""}"',
    { type: 'page_view', userId: 'd1', occurredAt: '2026-05-01T10:00:00.500Z', data: { $current_url: '/a' } },
  ],
  [
    'umami',
    'csv',
    'website_id,session_id,event_id,hostname,browser,country,url_path,referrer_domain,event_type,event_name,created_at\nw,s1,e1,shop.example,chrome,DE,/a,,1,,2026-05-01 10:00:00',
    {
      type: 'page_view',
      userId: 's1',
      occurredAt: '2026-05-01T10:00:00.000Z',
      data: { page_path: '/a', hostname: 'shop.example', browser: 'chrome', country: 'DE' },
    },
  ],
  [
    'matomo',
    'json',
    '[\n{"idVisit":7,"visitorId":"v1","userId":null,"actionDetails":[{"type":"ecommerceOrder","timestamp":1777629600,"orderId":"T2","revenue":5}]}\n]',
    {
      type: 'purchase',
      userId: 'v1',
      occurredAt: '2026-05-01T10:00:00.000Z',
      data: { value: 5, transaction_id: 'T2' },
    },
  ],
])('an export of %s is understood', async (preset, extension, content, event) => {
  const shop = await world()
  for (const done of ['done 1 events recorded, 0 were known', 'done 0 events recorded, 1 were known'])
    expect(await shop.import(`x.${extension}`, content, { preset })).toEqual({ code: 0, done })
  expect(await shop.events()).toEqual([event])
})

test('events are exported as NDJSON and CSV, and come back from either', async () => {
  const shop = await world()
  const event = {
    type: 'view',
    user_id: 'a,"b"',
    occurred_at: '2026-05-01T10:00:00.000Z',
    data: { text: 'x\ny', n: [1] },
  }
  const map = 'type=type,user_id=user_id,occurred_at=occurred_at,data=data'
  await shop.import('in.ndjson', `${JSON.stringify(event)}\nno JSON`, { map, rejected: shop.rejected })
  for (const extension of ['ndjson', 'csv']) {
    const file = path.join(home.dir, `out-${path.basename(shop.rejected)}.${extension}`)
    expect(await runExportEvents({ file, env: shop.env, ...recordingTerminal() })).toBe(0)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const other = await world()
    await other.import(`back.${extension}`, await readFile(file), { map })
    expect(await other.events()).toEqual([
      { type: 'view', userId: 'a,"b"', occurredAt: event.occurred_at, data: event.data },
    ])
  }
})

test('what is missing is named', async () => {
  const shop = await world()
  await expect(shop.import('a.csv', '', {})).rejects.toThrow('expected --map or --preset, one of them')
  await expect(shop.import('a.txt', '', { preset: 'ga4' })).rejects.toThrow(
    'expected a name that ends with .csv',
  )
  await expect(shop.import('a.csv', '', { map: 'type=a' })).rejects.toThrow('--map: user_id is missing')
  await expect(shop.import('a.csv', '', { map: 'kind=a' })).rejects.toThrow('--map: expected type, user_id')
  await expect(
    runImportEvents({ file: 'a.csv', preset: 'umami', env: {}, ...recordingTerminal() }),
  ).rejects.toThrow('USER_STATS_KEY: expected')
})
