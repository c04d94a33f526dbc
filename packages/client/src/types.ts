/** The data of each type of event, such as {@link EcommerceEvents}. */
export type EventCatalogue = Readonly<Record<string, object>>

export interface ClientOptions {
  /** The gateway: `https://stats.example.com`. */
  readonly url: string
  /** An API key of the store. In a page everybody can read it: there a publishable one (`us_w_…`). */
  readonly key: string
  /** Events of one request at most; when so many wait they are sent at once. */
  readonly batchSize?: number
  /** Milliseconds after which events that wait are sent. */
  readonly interval?: number
  /** Events that wait at most; beyond it the oldest are dropped. */
  readonly maxQueue?: number
  /** Where the id of an anonymous visitor is kept: for this page, or in the browser's local storage. */
  readonly anonymousId?: 'memory' | 'local'
  /** True records nothing; by default what the browser says (`Do Not Track`, Global Privacy Control). */
  readonly doNotTrack?: boolean
  /** Called with events that are lost: rejected by the gateway, or dropped because too many wait. */
  readonly onError?: (error: Error, events: readonly QueuedEvent[]) => void
}

export interface TrackOptions {
  /** The user; by default the one of `identify`, or the anonymous visitor. */
  readonly userId?: string
  readonly occurredAt?: Date
  /** The event's own name: a repeat counts nothing. */
  readonly idempotencyKey?: string
}

export interface Client<Events extends EventCatalogue = EventCatalogue> {
  /** Records an event. It is sent soon, and again until it is acknowledged. */
  track: <Type extends keyof Events & string>(type: Type, data?: Events[Type], options?: TrackOptions) => void
  /** Events from now on are the user's. */
  identify: (userId: string) => void
  /** Events from now on are a new anonymous visitor's. */
  reset: () => void
  /** Sends what waits. Resolves when all of it is acknowledged, or one attempt has failed. */
  flush: () => Promise<void>
  /** Sends what waits, and records nothing more. */
  shutdown: () => Promise<void>
  /** Records nothing from now on, and forgets what waits. */
  optOut: () => void
  optIn: () => void
}

/** An event as it waits. */
export interface QueuedEvent {
  readonly type: string
  readonly user_id: string
  readonly data?: object
  /** RFC 3339, by this machine's clock until it is sent. */
  readonly occurred_at: string
  readonly idempotency_key: string
}

export interface Item {
  readonly item_id: string
  readonly item_name?: string
  readonly price?: number
  readonly quantity?: number
  readonly item_category?: string
}

interface Purchase {
  readonly value: number
  /** ISO 4217. */
  readonly currency: string
  readonly items?: readonly Item[]
}

/** The events of shops as Google Analytics 4 names them. */
export interface EcommerceEvents extends EventCatalogue {
  readonly page_view: { readonly page_location?: string; readonly page_title?: string }
  readonly search: { readonly search_term: string }
  readonly view_item: Purchase
  readonly add_to_cart: Purchase
  readonly remove_from_cart: Purchase
  readonly begin_checkout: Purchase
  readonly purchase: Purchase & { readonly transaction_id: string }
  readonly refund: Purchase & { readonly transaction_id: string }
}
