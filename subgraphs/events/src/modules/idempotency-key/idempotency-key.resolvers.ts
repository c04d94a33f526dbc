import type { Resolvers } from '../../../generated/resolvers.ts'
import { toCursor } from '@user-stats/core'

export const idempotencyKeyResolvers: Resolvers = {
  Query: {
    idempotencyKeys: async (_, { storeId, userId, first, after }, { caller, idempotencyKeys }) => {
      const { rows, last, hasNextPage } = await idempotencyKeys.page(caller, storeId, userId, {
        first,
        after: after ?? null,
      })
      return {
        edges: rows.map((node) => ({ cursor: toCursor(node.key), node })),
        nodes: rows,
        pageInfo: { endCursor: last === null ? null : toCursor(last), hasNextPage },
      }
    },
  },
}
