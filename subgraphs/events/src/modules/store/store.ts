/** A store as this service knows it: what the gateway joins with the users service's. */
export interface StoreRef {
  readonly id: number
}
