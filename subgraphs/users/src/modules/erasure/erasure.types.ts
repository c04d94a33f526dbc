import type { Erasure } from '@user-stats/prisma-users'

/** Rows erased, by database and table. */
export interface ErasedRows {
  readonly users?: Readonly<Record<string, number>>
  readonly events?: Readonly<Record<string, number>>
}

/** An erasure as this service knows it, with what the delivery of its command says. */
export interface ErasureRecord extends Omit<Erasure, 'erasedRows'> {
  readonly erasedRows: ErasedRows
  readonly failedAttempts: number
  readonly lastError: string | null
}

/** How far the events service came with an erasure. */
export interface EventsProgress {
  readonly eventsTotal: number | null
  readonly eventsDeleted: number
  readonly eventsAnonymised: number
  /** Rows deleted there, by table. */
  readonly rows: Readonly<Record<string, number>>
}
