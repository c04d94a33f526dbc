import { startSharedTestPostgres } from './test-postgres.ts'

/** `globalSetup` of a jest configuration: one PostgreSQL server for all test files of the workspace. */
export default async function setup(): Promise<void> {
  Object.assign(globalThis, { testPostgres: await startSharedTestPostgres() })
}
