import type { Erasure } from '@user-stats/prisma-users'

/** Rows erased, by database and table. */
export interface ErasedRows {
  readonly users?: Readonly<Record<string, number>>
  readonly events?: Readonly<Record<string, number>>
}

/** An erasure in this service, with the delivery state of its command. */
export interface ErasureRecord extends Omit<Erasure, 'erasedRows'> {
  readonly erasedRows: ErasedRows
  readonly failedAttempts: number
  readonly lastError: string | null
}
