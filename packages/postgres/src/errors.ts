/**
 * The embedded server could not be initialised, started or stopped; the message is the reason in one line.
 */
export class EmbeddedPostgresError extends Error {
  override name = 'EmbeddedPostgresError'
}

/** A directory cannot be created or written to. */
export class DirectoryError extends Error {
  override name = 'DirectoryError'

  /** @param setting the name of the variable or option for the directory */
  constructor(setting: string, reason: string, options?: ErrorOptions) {
    super(`${setting}: ${reason}. Set it to a directory that this user may write to.`, options)
  }
}

/** Another living process uses the data directory. */
export class DataDirInUseError extends Error {
  override name = 'DataDirInUseError'
  readonly dataDir: string
  /** Process id of the holder, when it could be read. */
  readonly pid: number | undefined

  constructor(dataDir: string, pid: number | undefined) {
    super(
      `The data directory ${dataDir} is in use by another start` +
        (pid === undefined ? '' : ` (process ${String(pid)})`) +
        '. Stop that one, or set DATA_DIR to another directory.',
    )
    this.dataDir = dataDir
    this.pid = pid
  }
}

/** No connection to a database; names host, port and database, never a password. */
export class DatabaseUnreachableError extends Error {
  override name = 'DatabaseUnreachableError'
  /** host:port/database */
  readonly target: string

  constructor(target: string, reason: string, options?: ErrorOptions) {
    super(`Cannot reach the database at ${target}: ${reason}`, options)
    this.target = target
  }
}

/** A migration could not be applied, or the recorded history does not allow it. */
export class MigrationError extends Error {
  override name = 'MigrationError'
  /** The folder name of the failed migration, if it is one. */
  readonly migration: string | undefined

  constructor(migration: string | undefined, reason: string, options?: ErrorOptions) {
    super(migration === undefined ? reason : `Migration ${migration}: ${reason}`, options)
    this.migration = migration
  }
}
