import { open } from 'node:fs/promises'
import path from 'node:path'
import type { CommandContext } from '../command-context.ts'
import { UsageError } from '../failure.ts'
import { createGateway } from '../gateway/client.ts'
import { readRemoteEnv } from '../gateway/env.ts'
import { createProgress } from '../import/progress.ts'

export interface ExportEventsOptions {
  readonly file: string
  readonly from?: string
  readonly until?: string
  readonly storeId?: number
}

interface ExportedEvent {
  readonly id: string
  readonly type: string
  readonly userId: string
  readonly data: Record<string, unknown>
  readonly occurredAt: string
  readonly createdAt: string
}

interface Answer {
  readonly data?: {
    readonly events: {
      readonly nodes: readonly ExportedEvent[]
      readonly pageInfo: { readonly endCursor: string | null; readonly hasNextPage: boolean }
    }
  } | null
  readonly errors?: readonly { readonly message: string }[]
}

const query = `query ($storeId: Int, $from: DateTime, $to: DateTime, $after: String) {
  events(storeId: $storeId, from: $from, to: $to, first: 5000, after: $after) {
    nodes { id type userId data occurredAt createdAt }
    pageInfo { endCursor hasNextPage }
  }
}`

const columns = ['id', 'type', 'user_id', 'occurred_at', 'created_at', 'data'] as const

const rowOf = ({ id, type, userId, data, occurredAt, createdAt }: ExportedEvent) => ({
  id: Number(id),
  type,
  user_id: userId,
  occurred_at: occurredAt,
  created_at: createdAt,
  data,
})

const csvField = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/**
 * Writes the raw events of a store to a file that only its owner reads, newest first: NDJSON, or CSV with
 * `data` as JSON, by the name of the file.
 *
 * @throws Error in one line for the operator
 */
export async function runExportEvents({
  file,
  from,
  until,
  storeId,
  env,
  terminal,
  signal,
}: CommandContext & ExportEventsOptions): Promise<number> {
  const csv = /\.csv$/i.test(file)
  if (!csv && !/\.(?:ndjson|jsonl)$/i.test(file))
    throw new UsageError(`${file}: expected a name that ends with .ndjson, .jsonl or .csv`)
  const gateway = createGateway({ ...readRemoteEnv(env), signal })
  await using handle = await open(path.resolve(file), 'wx', 0o600)
  if (csv) await handle.appendFile(`${columns.join(',')}\r\n`)
  const progress = createProgress((text) => {
    terminal.line('export', text)
  }, 'events')
  let after: string | null = null
  for (;;) {
    const variables = { storeId, from, to: until, after }
    const body = JSON.stringify({ query, variables })
    const answer = (await gateway.post({ path: '/graphql', type: 'application/json', body })) as Answer
    if (!answer.data) throw new Error(answer.errors?.[0]?.message ?? 'the gateway has no answer')
    const { nodes, pageInfo } = answer.data.events
    const rows = nodes.map(rowOf)
    const lines = csv
      ? rows.map((row) => `${columns.map((name) => csvField(row[name])).join(',')}\r\n`)
      : rows.map((row) => `${JSON.stringify(row)}\n`)
    await handle.appendFile(lines.join(''))
    progress.add(nodes.length)
    if (!pageInfo.hasNextPage) break
    after = pageInfo.endCursor
  }
  await handle.sync()
  progress.end()
  terminal.line('done', path.resolve(file))
  return 0
}
