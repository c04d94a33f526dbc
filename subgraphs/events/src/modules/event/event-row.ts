/** A recorded event. */
export interface EventRow {
  readonly id: string
  readonly storeId: number
  readonly userId: string
  readonly type: string
  readonly data: Record<string, unknown>
  readonly occurredAt: Date
  readonly createdAt: Date
}
