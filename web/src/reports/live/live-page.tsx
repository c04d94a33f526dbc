import { useQuery } from '@tanstack/react-query'
import { LatestEventsDocument } from '../../../generated/graph/graphql.ts'
import { graphQuery } from '../../graph/execute.ts'
import { Card } from '../../ui/card.tsx'
import { formatInstant } from '../../ui/format.ts'
import { Empty, Failure, Loading } from '../../ui/states.tsx'
import ui from '../../ui/ui.module.css'
import { ReportBar } from '../report-bar.tsx'
import { useReport } from '../use-report.ts'

const interval = 5_000

/** The latest events of a store, read anew every five seconds. */
export function LivePage() {
  const report = useReport()
  const { storeId, timeZone } = report
  const result = useQuery({
    ...graphQuery(LatestEventsDocument, { storeId }),
    enabled: storeId !== null,
    refetchInterval: interval,
    staleTime: 0,
  })
  const events = result.data?.events.nodes ?? []
  const lastHour = events.filter(({ occurredAt }) => Date.parse(occurredAt) > Date.now() - 3_600_000).length
  return (
    <>
      <ReportBar title="Live" report={report} />
      {storeId === null && <Empty>Choose a store to see its latest events.</Empty>}
      {result.isLoading && <Loading label="Loading" />}
      {result.error && <Failure error={result.error} onRetry={() => void result.refetch()} />}
      {result.data && (
        <Card title="Latest events">
          <p className={ui['muted']}>
            {events.length > 0 && lastHour === events.length
              ? `More than ${String(lastHour)} in the last hour.`
              : `${String(lastHour)} in the last hour.`}{' '}
            Read again every five seconds.
          </p>
          {events.length === 0 ? (
            <Empty>This store has sent no events yet.</Empty>
          ) : (
            <div className={ui['tableWrap']} tabIndex={0} role="region" aria-label="Latest events">
              <table className={ui['table']}>
                <thead>
                  <tr>
                    <th scope="col">When</th>
                    <th scope="col">Type</th>
                    <th scope="col">User</th>
                    <th scope="col">Data</th>
                  </tr>
                </thead>
                <tbody>
                  {events.map(({ id, occurredAt, type, userId, data }) => (
                    <tr key={id}>
                      <td>{formatInstant(occurredAt, timeZone)}</td>
                      <td>{type}</td>
                      <td>{userId}</td>
                      <td className={ui['small']}>{JSON.stringify(data)}</td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </Card>
      )}
    </>
  )
}
