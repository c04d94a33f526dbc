import { DomainError, parseJson, type ErrorCode } from '@user-stats/core'
import type { JsonSchema } from '../rest-route.ts'
import { compile, requireValid } from '../validation.ts'
import type { Element } from './elements.ts'

/** The elements of a bulk. */
export interface ItemKind {
  /** The noun with its article: `an event`. */
  readonly noun: string
  /** The schema of an element. Unknown members are refused. */
  readonly schema: JsonSchema
  /** Names of the graph's members in REST: `userId` is `user_id`. */
  readonly fields: Readonly<Record<string, string>>
}

export interface BulkItem {
  readonly line: number
  /** An input of the graph. */
  readonly input: Readonly<Record<string, unknown>>
}

export interface Rejection {
  readonly line: number
  readonly code: string
  readonly field: string | null
  readonly message: string
}

const rejection = (line: number, code: ErrorCode, field: string | null, message: string): Rejection => ({
  line,
  code,
  field,
  message,
})

/** Parses elements, and translates the graph's errors about them. */
export function createItems({ noun, schema, fields }: ItemKind) {
  const check = compile(schema, { text: false, others: 'refused' })
  const inGraph = new Map(Object.entries(fields).map(([field, member]) => [member, field]))
  const capital = `${noun.slice(0, 1).toUpperCase()}${noun.slice(1)}`

  return {
    /** Parses one element; its faults concern it alone. */
    read: ({ line, text }: Element): BulkItem | Rejection => {
      if (text === undefined)
        return rejection(line, 'PAYLOAD_TOO_LARGE', null, `${capital} must not be longer than 1 MiB.`)
      try {
        const parsed = parseJson(text)
        if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
          return rejection(line, 'BAD_USER_INPUT', null, `${capital} must be a JSON object.`)
        const item = requireValid(check(parsed as Record<string, unknown>))
        const input = Object.entries(item).map(([member, value]) => [inGraph.get(member) ?? member, value])
        return { line, input: Object.fromEntries(input) as BulkItem['input'] }
      } catch (error) {
        if (!(error instanceof DomainError)) throw error
        return rejection(line, error.code, error.field ?? null, error.message)
      }
    },

    /** An error of the graph with REST names. Its message may be about several members. */
    rejected: (line: number, { code, field, message }: Omit<Rejection, 'line'>): Rejection => ({
      line,
      code,
      field: field === null ? null : (fields[field] ?? field),
      message: message.replaceAll(
        /(^|; )(\w+)(?=:)/g,
        (_match, before: string, name: string) => before + (fields[name] ?? name),
      ),
    }),
  }
}
