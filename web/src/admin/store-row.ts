import type { StoresQuery } from '../../generated/graph/graphql.ts'

export type StoreRow = StoresQuery['stores']['nodes'][number]
