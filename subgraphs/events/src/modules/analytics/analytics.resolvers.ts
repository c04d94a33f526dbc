import type { Resolvers } from '../../../generated/resolvers.ts'
import { wantedBy } from './selected.ts'

export const analyticsResolvers: Resolvers = {
  Query: {
    eventSeries: (_, request, { caller, analytics }, info) =>
      analytics.series(caller, request, wantedBy(info)),
    funnel: (_, request, { caller, analytics }) => analytics.funnel(caller, request),
    retention: (_, request, { caller, analytics }) => analytics.retention(caller, request),
  },
}
