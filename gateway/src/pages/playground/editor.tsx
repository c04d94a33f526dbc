import { useMemo } from 'react'
import type { Fetcher } from '@graphiql/toolkit'
import { GraphiQL } from 'graphiql'
import { onlyOperation } from './only-operation.ts'
import { run } from './run.ts'
import { openStorage } from './storage.ts'
import { readyMadeTabs } from './tabs.ts'

/** GraphiQL over the gateway, as its bearer sees it: without a token there is no schema to browse. */
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
      // Introspection needs a token, and so does the documentation, which is made from it: null leaves them out.
      {...(accessToken ? {} : { schema: null, referencePlugin: null })}
    />
  )
}
