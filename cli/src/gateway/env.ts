import { parsers, readVariables, type RawEnv, type Variable } from '@user-stats/config'

/** What commands read that work against a gateway, here or elsewhere. */
export const remoteVariables = {
  USER_STATS_URL: {
    schema: parsers.url('http://localhost:8000'),
    about: 'For `import events` and `export events`: the gateway.',
    default: 'http://localhost:8000',
  },
  USER_STATS_KEY: {
    schema: parsers.optionalText(),
    about: "For `import events` and `export events`: a store's API key.",
    secret: true,
  },
} as const satisfies Record<string, Variable>

/** @throws Error in the operator's terms */
export function readRemoteEnv(raw: RawEnv): { readonly url: string; readonly key: string } {
  const { USER_STATS_URL: url, USER_STATS_KEY: key } = readVariables(remoteVariables, raw)
  if (key === undefined || key === '')
    throw new Error("USER_STATS_KEY: expected a store's API key, or USER_STATS_KEY_FILE with its file")
  return { url, key }
}
