import { Kind, parse } from 'graphql'
import { refusePublishable } from '@user-stats/http'
import type { GraphServer } from '../graph-server.ts'
import { documentIn } from '../http-document.ts'
import type { RequestContext } from '../request.ts'

/** Characters of a document that records events: those are in variables. */
const maxLength = 10_000

/** Whether all operations of a document record events in bulk and do nothing else. */
function readsNothing(document: string): boolean {
  try {
    return parse(document, { noLocation: true }).definitions.every(
      (definition) =>
        definition.kind === Kind.OPERATION_DEFINITION &&
        definition.selectionSet.selections.every(
          (selection) => selection.kind === Kind.FIELD && selection.name.value === 'recordEvents',
        ),
    )
  } catch {
    return false
  }
}

/** @throws FORBIDDEN for publishable keys, but for recordEvents */
function assertMayExecute({ caller }: RequestContext, document: unknown): void {
  if (caller.role !== 'WRITER') return
  if (typeof document === 'string' && document.length <= maxLength && readsNothing(document)) return
  throw refusePublishable()
}

/** Lets publishable keys execute `recordEvents` only. */
export const limitWriters = <Context extends RequestContext>(
  server: GraphServer<Context>,
): GraphServer<Context> => ({
  start: server.start,
  stop: server.stop,
  execute: async (request, context) => {
    assertMayExecute(context, request.query)
    return await server.execute(request, context)
  },
  executeCached: (request, context) => {
    assertMayExecute(context, request.query)
    return server.executeCached(request, context)
  },
  executeHttp: async (request, context) => {
    assertMayExecute(context, documentIn(request))
    return await server.executeHttp(request, context)
  },
})
