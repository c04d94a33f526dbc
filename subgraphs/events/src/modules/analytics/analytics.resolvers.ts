import type { Resolvers } from '../../../generated/resolvers.ts'
import { requestedFields } from './query/requested-fields.ts'

export const analyticsResolvers: Resolvers = {
  Query: {
    eventSeries: (_, request, { caller, analytics, signal }, info) =>
      analytics.series(caller, request, requestedFields(info), signal),
    eventProperties: (_, request, { caller, analytics, signal }) =>
      analytics.properties(caller, request, signal),
    funnel: (_, request, { caller, analytics, signal }) => analytics.funnel(caller, request, signal),
    retention: (_, request, { caller, analytics, signal }) => analytics.retention(caller, request, signal),
  },
}
