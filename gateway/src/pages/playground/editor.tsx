import { useMemo } from 'react'
import type { Fetcher } from '@graphiql/toolkit'
import { GraphiQL } from 'graphiql'
import { onlyOperation } from './only-operation.ts'
import { run } from './run.ts'
import { openStorage } from './storage.ts'
import { readyMadeTabs } from './tabs.ts'

/** GraphiQL with the caller's schema; without a token there is none. */
export function Editor({ accessToken }: { accessToken: string | undefined }) {
  const storage = useMemo(openStorage, [])
  const fetcher = useMemo<Fetcher>(
    () => async (parameters) => {
      const operationName = onlyOperation(parameters.query, parameters.operationName)
      return await run({ ...parameters, operationName }, accessToken)
    },
    [accessToken],
  )

  return (
    <GraphiQL
      fetcher={fetcher}
      storage={storage}
      defaultTabs={readyMadeTabs}
      defaultEditorToolsVisibility="variables"
      isHeadersEditorEnabled={false}
      shouldPersistHeaders={false}
      // Introspection needs a token: without one, no schema and no documentation.
      {...(accessToken ? {} : { schema: null, referencePlugin: null })}
    />
  )
}
