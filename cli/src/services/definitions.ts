import { createRequire } from 'node:module'
import path from 'node:path'
import { eventsVariables } from '@user-stats/events/env'
import { gatewayVariables } from '@user-stats/gateway/env'
import { usersVariables } from '@user-stats/users/env'
import type { DatabaseName } from '../databases/schemas.ts'

export type ServiceName = 'gateway' | 'users' | 'events'

export interface ServiceDefinition {
  readonly name: ServiceName
  /** The file that is run. */
  readonly main: string
  /** Names of the variables it is given, as documented; it sees no other of ours. */
  readonly variables: readonly string[]
  /** The database it uses. */
  readonly database?: DatabaseName
  /** Flags of Node. */
  readonly flags?: readonly string[]
}

/**
 * A stream of events makes garbage fast, and V8 would rather let the heap grow to four times what is alive than
 * collect: 460 MB without these, 250 with them, at the same rate.
 */
const smallHeap = ['--max-semi-space-size=16', '--heap-growing-percent=75'] as const

const require = createRequire(import.meta.url)
/** `main.ts` stands beside what the workspace exports. */
const mainOf = (workspace: string) => path.join(path.dirname(require.resolve(workspace)), 'main.ts')

export const definitions: readonly ServiceDefinition[] = [
  {
    name: 'users',
    main: mainOf('@user-stats/users'),
    variables: Object.keys(usersVariables),
    database: 'users',
  },
  {
    name: 'events',
    main: mainOf('@user-stats/events'),
    variables: Object.keys(eventsVariables),
    database: 'events',
    flags: smallHeap,
  },
  { name: 'gateway', main: mainOf('@user-stats/gateway'), variables: Object.keys(gatewayVariables) },
]
