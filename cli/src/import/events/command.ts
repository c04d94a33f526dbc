import path from 'node:path'
import type { CommandContext } from '../../command-context.ts'
import { UsageError } from '../../failure.ts'
import { createGateway, type Gateway } from '../../gateway/client.ts'
import { readRemoteEnv } from '../../gateway/env.ts'
import { createProgress } from '../progress.ts'
import { createRejectedFile } from '../rejected-file.ts'
import { JsonFault } from './json.ts'
import { parseMapping, type Mapping } from './mapping.ts'
import { normalise } from './normalise.ts'
import { presets } from './presets.ts'
import { readRecords } from './read-file.ts'

export interface ImportEventsOptions {
  readonly file: string
  readonly map?: string
  readonly preset?: string
  readonly rejected?: string
}

/** Events of one request, and their bytes about. */
const batchEvents = 5_000
const batchBytes = 4 * 1_024 * 1_024

interface Queued {
  readonly line: number
  readonly json: string
}

interface Answer {
  readonly accepted: number
  readonly duplicate: number
  readonly rejected: number
  readonly errors: readonly { readonly line: number; readonly code: string; readonly message: string }[]
}

function mappingOf({ file, map, preset }: ImportEventsOptions): Mapping {
  if ((map === undefined) === (preset === undefined))
    throw new UsageError('expected --map or --preset, one of them')
  if (map !== undefined) return parseMapping(map, { numbers: /\.[ct]sv(?:\.gz)?$/i.test(file) })
  const found = presets[preset ?? '']
  if (found === undefined)
    throw new UsageError(`--preset: expected one of ${Object.keys(presets).join(', ')}`)
  return found
}

/**
 * Sends events of a file to a gateway. The file may be sent again, also after it was interrupted: idempotency
 * keys keep events from being counted twice.
 *
 * @returns the exit status: 1 when events were rejected
 * @throws Error in one line for the operator
 */
export async function runImportEvents({
  file,
  rejected = 'import-events-rejected.ndjson',
  env,
  terminal,
  signal,
  ...options
}: CommandContext & ImportEventsOptions): Promise<number> {
  const mapping = mappingOf({ file, ...options })
  const gateway = createGateway({ ...readRemoteEnv(env), signal })
  await using rejects = createRejectedFile(path.resolve(rejected))
  const progress = createProgress((text) => {
    terminal.line('import', text)
  }, 'events')
  const sum = { accepted: 0, duplicate: 0 }
  let batch: Queued[] = []
  let bytes = 0
  const send = async (): Promise<void> => {
    if (batch.length === 0) return
    const answer = await post(gateway, batch)
    sum.accepted += answer.accepted
    sum.duplicate += answer.duplicate
    for (const { line, code, message } of answer.errors) {
      const source = batch[line - 1]
      await rejects.add({
        line: source?.line,
        code,
        reason: message,
        event: JSON.parse(source?.json ?? 'null') as unknown,
      })
    }
    progress.add(batch.length)
    batch = []
    bytes = 0
  }
  for await (const { line, value } of readRecords(file)) {
    signal?.throwIfAborted()
    if (value instanceof JsonFault || typeof value !== 'object' || value === null) {
      const text = value instanceof JsonFault ? value.text : JSON.stringify(value)
      await rejects.add({
        line,
        code: 'BAD_REQUEST',
        reason: 'is no JSON object',
        text: text.slice(0, 1_000),
      })
      continue
    }
    for (const [index, event] of mapping(value as Record<string, unknown>).entries()) {
      const json = JSON.stringify(normalise(event, { line, index }))
      batch.push({ line, json })
      bytes += json.length
      if (batch.length >= batchEvents || bytes >= batchBytes) await send()
    }
  }
  await send()
  progress.end()
  terminal.line(
    'done',
    `${sum.accepted.toLocaleString('en')} events recorded, ${sum.duplicate.toLocaleString('en')} were known`,
  )
  if (rejects.count() === 0) return 0
  terminal.line(
    'rejected',
    `${rejects.count().toLocaleString('en')} lines, with reasons: ${path.resolve(rejected)}`,
  )
  return 1
}

/**
 * The gateway names 1,000 errors of a request at most: what has more is sent in halves, which counts nothing
 * twice.
 */
async function post(gateway: Gateway, batch: readonly Queued[]): Promise<Answer> {
  const body = batch.map(({ json }) => json).join('\n')
  const answer = (await gateway.post({ path: '/api/events', type: 'application/x-ndjson', body })) as Answer
  if (answer.errors.length === answer.rejected) return answer
  const half = Math.ceil(batch.length / 2)
  const parts = [await post(gateway, batch.slice(0, half)), await post(gateway, batch.slice(half))] as const
  return {
    accepted: answer.accepted,
    duplicate: answer.duplicate,
    rejected: answer.rejected,
    errors: [...parts[0].errors, ...parts[1].errors.map((error) => ({ ...error, line: error.line + half }))],
  }
}
