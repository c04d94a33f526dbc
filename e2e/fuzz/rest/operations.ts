import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Schema } from '../arbitraries/json-schema.ts'
import type { Port } from '../session.ts'

/** One operation of an OpenAPI document. */
export interface Operation {
  readonly port: Port
  readonly method: string
  /** `/api/user/{email}` */
  readonly path: string
  readonly parameters: readonly Parameter[]
  /** By content type. */
  readonly bodies: readonly (readonly [type: string, schema: Schema])[]
  /** The schema of a success, and the statuses of refusals. */
  readonly success: { readonly status: number; readonly fits: (body: unknown) => string }
  readonly refusals: readonly number[]
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly schema: Schema
}

const ajv = new Ajv2020({
  strict: false,
  formats: { date: /^\d{4}-\d{2}-\d{2}$/, 'date-time': /^\d{4}-.*Z$/ },
})

/** The operations that a port's document describes. */
export const operationsOf = (port: Port, document: any): Operation[] =>
  Object.entries<any>(document.paths).flatMap(([path, methods]) =>
    Object.entries<any>(methods).map(([method, { parameters = [], requestBody, responses }]) => {
      const [status = '', answer] =
        Object.entries<any>(responses).find(([code]) => code.startsWith('2')) ?? []
      const check = ajv.compile(answer.content['application/json'].schema)
      return {
        port,
        method: method.toUpperCase(),
        path,
        parameters,
        bodies: Object.entries<any>(requestBody?.content ?? {}).map(
          ([type, { schema }]) => [type, schema] as const,
        ),
        success: {
          status: Number(status),
          fits: (body: unknown) => (check(body) ? 'fits' : ajv.errorsText(check.errors)),
        },
        refusals: Object.keys(responses)
          .map(Number)
          .filter((code) => code >= 400),
      }
    }),
  )
