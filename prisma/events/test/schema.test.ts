import { expect, test } from '@jest/globals'
import { schemaDrift } from '@user-stats/postgres'
import { startTestPostgres } from '@user-stats/postgres/testing'
import { eventsSchema } from '../src/index.ts'

test('the migrations make what the schema says', async () => {
  await using server = await startTestPostgres()
  expect(await schemaDrift({ url: server.superuserUrl, ...eventsSchema })).toBe('')
})
