export { copyCluster } from './copy/copy.ts'
export { listCluster } from './copy/files.ts'
export type { ClusterFiles } from './copy/files.ts'
export { discardHome, gatherHome } from './copy/home.ts'
export { connect, inTransaction } from './client/connect.ts'
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
export { prepareDatabase } from './roles/prepare-database.ts'
export type { Role } from './roles/prepare-database.ts'
export { grantServing } from './roles/grant-service-role.ts'
