export { connect, withDatabase } from './client/connect.ts'
export { inTransaction } from './client/transaction.ts'
export { connectToCopy, copyIn, openSnapshot } from './copy/snapshot.ts'
export type { Snapshot } from './copy/snapshot.ts'
export { createPartitions, listTables, readSequences, writeSequences } from './copy/tables.ts'
export type { CopiedTable } from './copy/tables.ts'
export { copyHome, discardHome, endServer, readPostmaster } from './embedded/home.ts'
export { makeDataDir } from './embedded/data-dir.ts'
export { lockDataDir } from './embedded/data-dir-lock.ts'
export type { DataDirLock } from './embedded/data-dir-lock.ts'
export { embeddedVersion, startEmbeddedPostgres } from './embedded/embedded.ts'
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './embedded/embedded.ts'
export {
  DatabaseUnreachableError,
  DataDirInUseError,
  DirectoryError,
  EmbeddedPostgresError,
  MigrationError,
} from './errors.ts'
export { markRolledBack, migrate, migrationStatus, schemaDrift } from './migrations/migrate.ts'
export type { MigrationSource, MigrationStatus } from './migrations/migrate.ts'
export { ensureDatabase, prepareDatabase } from './roles/prepare-database.ts'
export type { Role } from './roles/prepare-database.ts'
export { grantServicePrivileges } from './roles/grant-service-role.ts'
