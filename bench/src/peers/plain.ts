import Fastify from 'fastify'
import pg from 'pg'
import { writeFloor, type FloorEvent } from '../floor.ts'

interface Settings {
  readonly port: number
  readonly database: string
  /** Each request an INSERT of its own, or all that wait together, with rollups. */
  readonly mode: 'insert' | 'group'
}

interface Body {
  readonly type: string
  readonly user_id: string
  readonly data: object
}

const { port, database, mode } = JSON.parse(process.argv[2] ?? '') as Settings
const pool = new pg.Pool({ connectionString: database, max: 16 })
const app = Fastify()

interface Waiting {
  readonly event: FloorEvent
  readonly resolve: (id: string) => void
}
let queue: Waiting[] = []
let busy = 0

/** Two transactions at once; what arrives meanwhile is the next batch. */
function pump(): void {
  while (busy < 2 && queue.length > 0) {
    const batch = queue.slice(0, 1_000)
    queue = queue.slice(1_000)
    busy += 1
    void writeFloor(
      pool,
      batch.map(({ event }) => event),
      true,
    ).then((ids) => {
      for (const [at, { resolve }] of batch.entries()) resolve(ids[at] ?? '')
      busy -= 1
      pump()
    })
  }
}

const record = async (event: FloorEvent): Promise<string> => {
  if (mode === 'insert') return (await writeFloor(pool, [event], false))[0] ?? ''
  return await new Promise((resolve) => {
    queue.push({ event, resolve })
    pump()
  })
}

app.get('/', () => ({}))
app.post('/api/event', async (request, reply) => {
  const { type, user_id: userId, data } = request.body as Body
  const id = await record({ storeId: 1, type, userId, data: JSON.stringify(data) })
  return reply
    .code(201)
    .send({ id: Number(id), type, store_id: 1, user_id: userId, data, created_at: new Date() })
})
await app.listen({ port, host: '127.0.0.1' })
