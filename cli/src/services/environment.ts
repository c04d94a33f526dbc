import type { RawEnv } from '@user-stats/config'
import type { ServiceDefinition } from './definitions.ts'

/** Variables that any Node process may need. */
const ambient = /^(?:PATH|HOME|USER|LANG|LC_\w+|TZ|TMPDIR|NODE_\w+|SSL_CERT_\w+|FORCE_COLOR|NO_COLOR)$/

/** The supergraph may have subgraphs of any name, each located by a variable `<NAME>_URL`. */
const isSubgraphUrl = (name: string, value: string) => name.endsWith('_URL') && /^https?:/.test(value)

/**
 * The environment of a service: its documented variables and no other of ours, so that no service holds
 * another's secrets. `set` overrides what the operator set, in either form.
 */
export function environmentOf(
  { name, variables }: Pick<ServiceDefinition, 'name' | 'variables'>,
  raw: RawEnv,
  set: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const own = new Set(variables.flatMap((variable) => [variable, `${variable}_FILE`]))
  const needed = Object.entries(set).filter(([key, value]) => value !== undefined && own.has(key))
  for (const [variable] of needed) own.delete(`${variable}_FILE`)
  const passed = Object.entries(raw).filter(
    ([key, value]) =>
      value !== undefined &&
      (own.has(key) || ambient.test(key) || (name === 'gateway' && isSubgraphUrl(key, value))),
  )
  return Object.fromEntries([...passed, ...needed]) as Record<string, string>
}
