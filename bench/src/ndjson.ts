import { Readable } from 'node:stream'

const users = 1_000
const types = ['visit', 'cart', 'purchase']

/** The n-th of the events that are sent in bulk. */
export const eventOf = (at: number) => ({
  type: types[at % types.length] ?? 'visit',
  user_id: `u-${String((at * 7_919) % users)}`,
  data: { page: '/checkout', price: at % 100 },
})

/** NDJSON, made while it is sent. */
function* linesOf(count: number): Generator<string> {
  for (let from = 0; from < count; from += 1_000) {
    let text = ''
    for (let at = from; at < Math.min(from + 1_000, count); at += 1)
      text += `${JSON.stringify(eventOf(at))}\n`
    yield text
  }
}

/** Sends events in one request to `POST /api/events`. @throws Error unless all are accepted */
export async function postLines(url: string, token: string, count: number): Promise<void> {
  const response = await fetch(`${url}/api/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', authorization: `Bearer ${token}` },
    body: Readable.toWeb(Readable.from(linesOf(count))) as ReadableStream,
    duplex: 'half',
  })
  const { accepted } = (await response.json()) as { accepted: number }
  if (accepted !== count) throw new Error(`${String(accepted)} of ${String(count)} were accepted`)
}
