import { join } from 'node:path'

/** The types of the audit log in the graph. Each subgraph has a field of its own that returns them. */
export const auditTypeDefsFile = join(import.meta.dirname, 'audit.graphql')
