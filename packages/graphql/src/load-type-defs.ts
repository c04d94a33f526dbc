import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { auditTypeDefsFile } from '@user-stats/audit-log'
import { concatAST, parse, type DocumentNode } from 'graphql'

const byName = (a: string, b: string): number => (a < b ? -1 : 1)

/**
 * The SDL of a subgraph: all `.graphql` files below a folder, and the audit log's, which every subgraph has.
 */
export function loadTypeDefs(folder: string): DocumentNode {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.graphql'))
    .sort(byName)
    .map((file) => join(folder, file))
  return concatAST([...files, auditTypeDefsFile].map((file) => parse(readFileSync(file, 'utf8'))))
}
