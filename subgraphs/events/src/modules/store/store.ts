/** A store in this service: the gateway joins it with the users service's. */
export interface StoreRef {
  readonly id: number
}
