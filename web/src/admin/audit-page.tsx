import { useState } from 'react'
import { useQuery } from '@tanstack/react-query'
import { AuditLogDocument, StoreNamesDocument } from '../../generated/graph/graphql.ts'
import { graphQuery } from '../graph/execute.ts'
import { Card } from '../ui/card.tsx'
import { Select } from '../ui/field.tsx'
import { formatInstant } from '../ui/format.ts'
import { Empty, Failure, Loading } from '../ui/states.tsx'
import ui from '../ui/ui.module.css'
import { More } from './more.tsx'

/** `STORE_CREATED` as "store created". */
const inWords = (action: string): string => action.toLowerCase().replaceAll('_', ' ')

/** Who did what, newest first. */
export function AuditPage() {
  const [store, setStore] = useState('')
  const [after, setAfter] = useState<string | null>(null)
  const stores = useQuery(graphQuery(StoreNamesDocument, {}))
  const result = useQuery(
    graphQuery(AuditLogDocument, { storeId: store === '' ? null : Number(store), after }),
  )
  const names = (stores.data?.stores.nodes ?? []).map(({ id, name }) => [String(id), name] as const)
  const log = result.data?.auditLog
  return (
    <>
      <h1>Audit log</h1>
      <div className={ui['row']}>
        <Select
          label="Store"
          value={store}
          options={[['', 'All stores'], ...names]}
          onChange={(next) => {
            setAfter(null)
            setStore(next)
          }}
        />
      </div>
      <Card title="Entries">
        {result.isPending && <Loading label="Loading" />}
        {result.error && <Failure error={result.error} onRetry={() => void result.refetch()} />}
        {log?.nodes.length === 0 && <Empty>Nothing has been done here yet.</Empty>}
        {log && log.nodes.length > 0 && (
          <div className={ui['tableWrap']} tabIndex={0} role="region" aria-label="Entries">
            <table className={ui['table']}>
              <thead>
                <tr>
                  <th scope="col">When (UTC)</th>
                  <th scope="col">Who</th>
                  <th scope="col">What</th>
                  <th scope="col">Store</th>
                  <th scope="col">Records</th>
                  <th scope="col">Fields</th>
                </tr>
              </thead>
              <tbody>
                {log.nodes.map(({ id, at, actor, action, storeId, recordCount, recordIds, fields }) => (
                  <tr key={id}>
                    <td>{formatInstant(at, 'UTC')}</td>
                    <td>
                      {actor.role.toLowerCase()} {actor.keyId}
                    </td>
                    <td>{inWords(action)}</td>
                    <td>{storeId ?? '–'}</td>
                    <td>{recordIds.length === 1 ? recordIds[0] : recordCount}</td>
                    <td>{fields.join(', ')}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            <More pageInfo={log.pageInfo} after={after} onPage={setAfter} />
          </div>
        )}
      </Card>
    </>
  )
}
