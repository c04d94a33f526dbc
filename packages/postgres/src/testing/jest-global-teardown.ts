import type { TestPostgres } from './test-postgres.ts'

/** `globalTeardown` of a jest configuration: stops what `jest-global-setup.ts` started. */
export default async function teardown(): Promise<void> {
  await (globalThis as { testPostgres?: TestPostgres }).testPostgres?.stop()
}
