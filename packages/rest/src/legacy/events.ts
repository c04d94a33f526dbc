import { paging, type RestRoute } from '../rest-route.ts'
import {
  dailyAmountAnswer,
  dailyAverageAnswer,
  dayRange,
  eventAnswer,
  eventBody,
  idempotencyHeader,
  recordedSelection,
  storeIdParam,
  storeIdQuery,
  toLegacyEvent,
  type RecordedData,
} from './shapes.ts'

/** Routes that the gateway and the events service both serve, each over its own graph. */

const eventFields = {
  userId: 'user_id',
  storeId: 'store_id',
  occurredAt: 'occurred_at',
  idempotencyKey: 'idempotency_key',
} as const
const typeParam = { type: { type: 'string', minLength: 1, maxLength: 128 } } as const

/** `POST /api/event`. */
export const recordEventRoute = ({ form }: { readonly form: boolean }): RestRoute => ({
  method: 'POST',
  url: '/api/event',
  summary: 'Record an event',
  tag: 'events',
  form,
  plainText: true,
  operation: `mutation RecordEvent($input: RecordEventInput!) { recordEvent(input: $input) { ${recordedSelection} } }`,
  headers: idempotencyHeader,
  body: eventBody,
  fields: ({ body }) =>
    body['idempotency_key'] == null ? { ...eventFields, idempotencyKey: 'idempotency-key' } : eventFields,
  variables: ({ body, headers }) => ({
    input: {
      type: body['type'],
      userId: body['user_id'],
      data: body['data'],
      storeId: body['store_id'],
      occurredAt: body['occurred_at'],
      idempotencyKey: body['idempotency_key'] ?? headers['idempotency-key'],
    },
  }),
  status: 201,
  answer: eventAnswer,
  errors: [404, 409],
  reply: ({ recordEvent }: { recordEvent: RecordedData }, input) => toLegacyEvent(recordEvent, input),
})

/** The three documented aggregates. */
export const aggregateRoutes: readonly RestRoute[] = [
  {
    method: 'GET',
    url: '/api/event/amount/:type',
    summary: 'Events of a type per day, newest day first',
    tag: 'aggregates',
    operation: `query EventAmount($type: String!, $storeId: Int, $from: Date, $to: Date, $offset: Int!, $limit: Int!) {
      eventAmount(type: $type, storeId: $storeId, from: $from, to: $to, offset: $offset, limit: $limit) { date eventAmount }
    }`,
    params: typeParam,
    query: { ...paging, ...dayRange, ...storeIdQuery },
    fields: eventFields,
    variables: ({ params, query: { store_id: storeId, ...range } }) => ({ ...params, ...range, storeId }),
    status: 200,
    answer: dailyAmountAnswer,
    errors: [404],
    reply: ({ eventAmount }: { eventAmount: readonly { date: string; eventAmount: number | null }[] }) =>
      eventAmount.map((day) => ({ date: day.date, event_amount: day.eventAmount })),
  },
  {
    method: 'GET',
    url: '/api/event/avg-time/:type',
    summary: 'Mean events of a type per user and day, newest day first',
    tag: 'aggregates',
    operation: `query EventAverage($type: String!, $storeId: Int, $from: Date, $to: Date, $offset: Int!, $limit: Int!) {
      eventAverage(type: $type, storeId: $storeId, from: $from, to: $to, offset: $offset, limit: $limit) { date eventAverage }
    }`,
    params: typeParam,
    query: { ...paging, ...dayRange, ...storeIdQuery },
    fields: eventFields,
    variables: ({ params, query: { store_id: storeId, ...range } }) => ({ ...params, ...range, storeId }),
    status: 200,
    answer: dailyAverageAnswer,
    errors: [404],
    reply: ({ eventAverage }: { eventAverage: readonly { date: string; eventAverage: number | null }[] }) =>
      eventAverage.map((day) => ({ date: day.date, event_avg_time: day.eventAverage })),
  },
  {
    method: 'GET',
    url: '/api/event/store-events-amount/:store_id',
    summary: 'All events of a store per day, newest day first',
    tag: 'aggregates',
    operation: `query StoreEventAmount($storeId: Int!, $from: Date, $to: Date, $offset: Int!, $limit: Int!) {
      storeEventAmount(storeId: $storeId, from: $from, to: $to, offset: $offset, limit: $limit) { date eventAmount }
    }`,
    params: { store_id: storeIdParam },
    query: { ...paging, ...dayRange },
    fields: eventFields,
    variables: ({ params, query }) => ({ ...query, storeId: params['store_id'] }),
    status: 200,
    answer: dailyAmountAnswer,
    errors: [404],
    reply: ({
      storeEventAmount,
    }: {
      storeEventAmount: readonly { date: string; eventAmount: number | null }[]
    }) => storeEventAmount.map((day) => ({ date: day.date, event_amount: day.eventAmount })),
  },
]
