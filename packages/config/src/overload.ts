import { kinds } from './parsers.ts'

export const loadVariables = {
  MAX_EVENT_LOOP_DELAY_MS: {
    schema: kinds.integer(0, 600_000, 3_000),
    about:
      'Milliseconds that the event loop may be late; requests that find it later are refused with 503. 0: no bound.',
    default: '3000',
  },
  MAX_HEAP_PERCENT: {
    schema: kinds.integer(0, 100, 90),
    about:
      'Percent of the heap that Node may have (`--max-old-space-size`); above, requests are refused with 503. 0: no bound.',
    default: '90',
  },
  MAX_RSS_BYTES: {
    schema: kinds.integer(0, Number.MAX_SAFE_INTEGER, 0),
    about: 'Memory of a service in bytes; above, requests are refused with 503. 0: no bound.',
    default: '0',
  },
  MAX_CONNECTIONS: {
    schema: kinds.integer(0, 1_000_000, 10_000),
    about:
      'Connections open to a service at the same time; more are closed at once. The limit of open files must be higher. 0: no bound.',
    default: '10000',
  },
} as const

type Values = Readonly<Record<keyof typeof loadVariables, number>>

/** What a service takes on at most, as the variables say. */
export const loadLimitsOf = (env: Values) => ({
  delay: env.MAX_EVENT_LOOP_DELAY_MS,
  heap: env.MAX_HEAP_PERCENT,
  rss: env.MAX_RSS_BYTES,
  connections: env.MAX_CONNECTIONS,
})
