import { writeJson, writeLiteral, type Refs } from '../raw-json.ts'
import type { Operation, Selection } from './operations.ts'

export interface Document {
  readonly query: string
  /** A JSON text. */
  readonly variables: string
}

/** Writes an operation down: the document, and its variables as JSON. */
export function writeOperation({ kind, root }: Operation, refs: Refs): Document {
  const declared: string[] = []
  const variables: string[] = []

  function writeField({ field, alias, args, directive, fragment, on, fields }: Selection): string {
    const given = args.map(({ name, value, variable }) => {
      if (variable === undefined) return `${name}: ${writeLiteral(value, refs)}`
      const at = `v${String(declared.length)}`
      declared.push(`$${at}: ${variable}`)
      variables.push(`"${at}":${writeJson(value, refs)}`)
      return `${name}: $${at}`
    })
    const text = [
      alias === undefined ? field : `${alias}: ${field}`,
      given.length > 0 ? `(${given.join(', ')})` : '',
      directive === undefined ? '' : ` ${directive}`,
      fields.length > 0 ? ` { ${fields.map(writeField).join(' ')} }` : '',
    ].join('')
    return fragment ? `...${on === undefined ? '' : ` on ${on}`} { ${text} }` : text
  }

  const body = writeField(root)
  const head = declared.length > 0 ? `${kind} (${declared.join(', ')})` : kind
  return { query: `${head} { ${body} }`, variables: `{${variables.join(',')}}` }
}
