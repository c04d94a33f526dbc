import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { DomainError } from '@user-stats/core'

/** What browsers send in a beacon at most. */
const maxBytes = 65_536
/** Milliseconds for the body. */
const timeout = 10_000

export interface Beacon {
  readonly key: string
  /** The rest of the body: events as a JSON array or NDJSON. */
  readonly events: string
}

/** Whether a request may hold its key in the body, since it has no headers of its own: a beacon. */
export const isBeacon = ({ method, headers, routeOptions }: FastifyRequest): boolean =>
  method === 'POST' &&
  routeOptions.url === '/api/events' &&
  headers.authorization === undefined &&
  headers['content-encoding'] === undefined &&
  /^text\/plain\b/i.test(headers['content-type'] ?? '')

/**
 * Reads a body whose first line is `{"key": "us_w_…"}`, followed by events as NDJSON; or that is one object with the
 * members `key` and `events`, a list.
 *
 * @throws PAYLOAD_TOO_LARGE, UNAUTHENTICATED when it has no key
 */
export async function readBeacon(request: FastifyRequest): Promise<Beacon> {
  const text = await readText(request)
  const [first = '', ...rest] = text.split('\n')
  const line = parse(first)
  if (line?.key !== undefined && line.events === undefined) return { key: line.key, events: rest.join('\n') }
  const whole = parse(text)
  if (whole?.key === undefined || !Array.isArray(whole.events)) throw new DomainError('UNAUTHENTICATED')
  return { key: whole.key, events: JSON.stringify(whole.events) }
}

function parse(text: string): { readonly key?: string; readonly events?: unknown } | undefined {
  try {
    const value = JSON.parse(text) as { key?: unknown; events?: unknown } | null
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    const { key, events } = value
    return typeof key === 'string' ? { key, events } : undefined
  } catch {
    return undefined
  }
}

async function readText({ raw }: FastifyRequest): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  const timer = setTimeout(() => raw.destroy(), timeout)
  try {
    for await (const chunk of raw as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > maxBytes) throw new DomainError('PAYLOAD_TOO_LARGE')
      chunks.push(chunk)
    }
  } finally {
    clearTimeout(timer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** The stream that stands for the body. */
export const toBody = ({ events }: Beacon): Readable => Readable.from([Buffer.from(events)])
