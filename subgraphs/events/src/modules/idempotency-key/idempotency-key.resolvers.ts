import type { Resolvers } from '../../../generated/resolvers.ts'
import { cursorOfKey } from './idempotency-key.service.ts'

export const idempotencyKeyResolvers: Resolvers = {
  Query: {
    idempotencyKeys: async (_, { storeId, userId, first, after }, { caller, idempotencyKeys }) => {
      const { rows, last, hasNextPage } = await idempotencyKeys.page(caller, storeId, userId, {
        first,
        after: after ?? null,
      })
      return {
        edges: rows.map((node) => ({ cursor: cursorOfKey(node.key), node })),
        nodes: rows,
        pageInfo: { endCursor: last === null ? null : cursorOfKey(last), hasNextPage },
      }
    },
  },
}
