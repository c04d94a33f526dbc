/** A prepared tab: the contents of GraphiQL's operation and variables editors. */
export interface ReadyMadeTab {
  query: string
  variables: string
}

const json = (value: unknown) => JSON.stringify(value, null, 2)

/** The analysts' most frequent queries. GraphiQL names a tab after its operation. */
export const readyMadeTabs: [ReadyMadeTab, ...ReadyMadeTab[]] = [
  {
    query: `# Events per day, newest day first.
# From one day until before another;
# null means without a bound.
query EventsPerDay($type: String!, $from: Date, $to: Date) {
  eventAmount(type: $type, from: $from, to: $to, limit: 31) {
    date
    eventAmount
  }
}
`,
    variables: json({ type: 'purchase', from: null, to: null }),
  },
  {
    query: `# Average per user, day by day:
# events divided by the users
# who had at least one.
query AveragePerUser($type: String!) {
  eventAverage(type: $type, limit: 31) {
    date
    eventAverage
  }
}
`,
    variables: json({ type: 'purchase' }),
  },
  {
    query: `# A store's events per day, all types together;
# null means your own store, or all you may see.
query StoreEvents($storeId: Int) {
  storeEventAmount(storeId: $storeId, limit: 31) {
    date
    eventAmount
  }
}
`,
    variables: json({ storeId: null }),
  },
  {
    query: `# Top event types, the most frequent first;
# null means all the stores you may see.
query TopEventTypes($storeId: Int) {
  topEventTypes(storeId: $storeId, limit: 10) {
    type
    eventAmount
  }
}
`,
    variables: json({ storeId: null }),
  },
]
