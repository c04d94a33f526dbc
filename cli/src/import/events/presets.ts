import { objectOf, valueAt, type MappedEvent, type Mapping } from './mapping.ts'

type Fields = Record<string, unknown>

const list = (value: unknown): Fields[] =>
  Array.isArray(value)
    ? value.filter((item): item is Fields => typeof item === 'object' && item !== null)
    : []

/** Without what is not given. */
const given = (fields: Fields): Fields =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== ''),
  )

/** BigQuery writes integers as text. */
const numberOf = (value: unknown): unknown => {
  const number = Number(value)
  return typeof value === 'string' && value.trim() !== '' && Number.isSafeInteger(number) ? number : value
}

/** https://support.google.com/analytics/answer/7029846, one row a line as BigQuery exports JSON. */
const ga4: Mapping = (row) => {
  const parameters = list(row['event_params']).map(({ key, value }) => {
    const { int_value, ...others } = objectOf(value)
    const found = Object.values(given(others))[0] ?? numberOf(int_value)
    return [String(key), found] as const
  })
  const items = list(row['items']).map(given)
  return [
    {
      type: row['event_name'],
      user_id: row['user_id'] ?? row['user_pseudo_id'],
      // Microseconds, whatever their number.
      occurred_at: Number(row['event_timestamp']) / 1_000,
      data: given({
        ...Object.fromEntries(parameters),
        ...(items.length > 0 && { items }),
        value:
          parameters.find(([name]) => name === 'value')?.[1] ?? valueAt(row, 'ecommerce.purchase_revenue'),
        transaction_id: valueAt(row, 'ecommerce.transaction_id'),
        country: valueAt(row, 'geo.country'),
        device: valueAt(row, 'device.category'),
      }),
    },
  ]
}

const personal = new Set(['$ip', '$set', '$set_once'])

/**
 * Events of PostHog's batch export, or of its API. What it knows of the person, and the address, is left out.
 */
const posthog: Mapping = (row) => {
  const properties = Object.entries(objectOf(row['properties'] ?? {})).filter(([key]) => !personal.has(key))
  const name = row['event']
  return [
    {
      type: name === '$pageview' ? 'page_view' : name,
      user_id: row['distinct_id'],
      occurred_at: row['timestamp'],
      idempotency_key: row['uuid'] ?? row['id'],
      data: Object.fromEntries(properties),
    },
  ]
}

const umamiNames = {
  url_path: 'page_path',
  url_query: 'page_query',
  page_title: 'page_title',
  referrer_domain: 'referrer',
  hostname: 'hostname',
  browser: 'browser',
  os: 'os',
  device: 'device',
  language: 'language',
  country: 'country',
} as const

/** `website_event.csv` of Umami's export. */
const umami: Mapping = (row) => [
  {
    type: row['event_name'] === '' || row['event_name'] == null ? 'page_view' : row['event_name'],
    user_id: row['session_id'],
    occurred_at: row['created_at'],
    idempotency_key: row['event_id'],
    data: given(Object.fromEntries(Object.entries(umamiNames).map(([from, to]) => [to, row[from]]))),
  },
]

const matomoTypes: Readonly<Record<string, string>> = {
  action: 'page_view',
  search: 'search',
  ecommerceOrder: 'purchase',
  ecommerceAbandonedCart: 'abandoned_cart',
  download: 'file_download',
  outlink: 'click',
  goal: 'generate_lead',
}

/** Visits of Matomo's `Live.getLastVisitsDetails`, each with its actions. */
const matomo: Mapping = (visit) =>
  list(visit['actionDetails']).map((action, at): MappedEvent => {
    const kind = String(action['type'])
    return {
      type: kind === 'event' ? action['eventAction'] : (matomoTypes[kind] ?? kind),
      user_id: visit['userId'] ?? visit['visitorId'],
      occurred_at: action['timestamp'],
      idempotency_key: `matomo:${String(visit['idVisit'])}:${String(at)}`,
      data: given({
        page_location: action['url'],
        page_title: action['pageTitle'],
        category: action['eventCategory'],
        name: action['eventName'] ?? action['goalName'],
        value: action['revenue'] ?? action['eventValue'],
        transaction_id: action['orderId'],
        search_term: action['siteSearchKeyword'],
        items: list(action['itemDetails']).length > 0 ? action['itemDetails'] : undefined,
      }),
    }
  })

/** Exports of other systems, by name. */
export const presets: Readonly<Record<string, Mapping>> = { ga4, posthog, umami, matomo }
