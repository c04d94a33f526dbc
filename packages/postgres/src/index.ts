export { copyCluster } from './copy/copy.ts'
export { listCluster } from './copy/files.ts'
export type { ClusterFiles } from './copy/files.ts'
export { discardHome, gatherHome } from './copy/home.ts'
export { connect, inTransaction } from './connect.ts'
export { makeDataDir } from './data-dir.ts'
export { lockDataDir } from './data-dir-lock.ts'
export type { DataDirLock } from './data-dir-lock.ts'
export { embeddedVersion, startEmbeddedPostgres } from './embedded.ts'
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './embedded.ts'
export {
  DatabaseUnreachableError,
  DataDirInUseError,
  EmbeddedPostgresError,
  MigrationError,
} from './errors.ts'
export { markRolledBack, migrate, migrationStatus, schemaDrift } from './migrations.ts'
export type { MigrationSource, MigrationStatus } from './migrations.ts'
export { prepareDatabase } from './prepare.ts'
export type { Role } from './prepare.ts'
export { grantServing } from './serving.ts'
