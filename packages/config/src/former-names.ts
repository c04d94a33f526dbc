import type { RawEnv } from './read-variables.ts'

/** Variables that were renamed. The former name works in this version and is dropped in the next. */
const renamed: Readonly<Record<string, string>> = { RATE_LIMIT_STRANGERS: 'RATE_LIMIT_ANONYMOUS' }

/** Variables that are no longer read, and the rule that applies instead. */
const removed: Readonly<Record<string, string>> = {
  ANALYTICS_TIMEOUT_MS: 'an analysis has half of REQUEST_TIMEOUT_MS',
  BODY_LIMIT_BYTES: 'a request body has at most 16 MiB',
  EVENT_HORIZON_DAYS: 'an event may be up to 3650 days old',
  GRAPH_MAX_ALIASES: 'it follows from GRAPH_MAX_TOKENS',
  GRAPH_MAX_DIRECTIVES: 'it follows from GRAPH_MAX_TOKENS',
  GRAPH_MAX_FIELDS: 'it follows from GRAPH_MAX_TOKENS',
  GRAPH_MAX_ROOT_FIELDS: 'it follows from GRAPH_MAX_TOKENS',
  IDEMPOTENCY_DAYS: 'an idempotency key is kept for 7 days',
  INGEST_QUEUE_LIMIT: 'up to 20000 events wait to be written',
  MAX_CONNECTIONS: 'a service has at most 10000 connections',
  MAX_EVENT_LOOP_DELAY_MS: 'requests are refused while the event loop is 3 seconds late',
  MAX_HEAP_PERCENT: 'requests are refused while 90 percent of the heap is in use',
  MAX_RSS_BYTES: 'the memory of a process is bounded by its container or supervisor',
  STACK_LOGS: 'use "user-stats start --logs stdout"',
  STACK_TLS_NAME: 'use "user-stats start --tls-name <host>"',
  SUBGRAPH_CONNECTIONS: 'the gateway opens up to 128 connections to each subgraph',
  SUBGRAPH_TIMEOUT_MS: 'a subgraph has three quarters of REQUEST_TIMEOUT_MS',
  SUPERGRAPH_POLL_MS: 'the supergraph is read again each second',
}

/** Names that variables had in earlier versions. */
export const formerNames: readonly string[] = [...Object.keys(renamed), ...Object.keys(removed)]

const withFile = (variable: string): readonly string[] => [variable, `${variable}_FILE`]

/** The environment under its current names, and a warning about each former name in it. */
export function acceptFormerNames(env: RawEnv): { env: RawEnv; warnings: readonly string[] } {
  const isSet = (variable: string): boolean => env[variable] !== undefined && env[variable] !== ''
  const renames = Object.entries(renamed)
    .flatMap(([former, name]) => [[former, name] as const, [`${former}_FILE`, `${name}_FILE`] as const])
    .filter(([former]) => env[former] !== undefined)
  const accepted = renames.flatMap(([former, name]) => (env[name] === undefined ? [[name, env[former]]] : []))
  return {
    env: { ...env, ...(Object.fromEntries(accepted) as RawEnv) },
    warnings: [
      ...renames.map(
        ([former, name]) => `${former} is now called ${name}. The former name works in this version only.`,
      ),
      ...Object.entries(removed).flatMap(([former, instead]) =>
        withFile(former)
          .filter(isSet)
          .map((variable) => `${variable} is not read any more: ${instead}.`),
      ),
    ],
  }
}
