import { useState, type SubmitEvent } from 'react'
import { useQuery } from '@tanstack/react-query'
import {
  CreateKeyDocument,
  KeysDocument,
  RevokeKeyDocument,
  RotateKeyDocument,
  StoreNamesDocument,
  type KeysQuery,
} from '../../generated/graph/graphql.ts'
import { graphQuery } from '../graph/execute.ts'
import { Button } from '../ui/button.tsx'
import { Card } from '../ui/card.tsx'
import { Select, TextField } from '../ui/field.tsx'
import { Failure, Loading } from '../ui/states.tsx'
import ui from '../ui/ui.module.css'
import { More } from './more.tsx'
import { Secret } from './secret.tsx'
import { useAct } from './use-act.ts'

const roles = [
  ['ANALYST', 'Analyst: reads statistics, never a person'],
  ['STORE', 'Store: sends events and manages its users'],
  ['ADMIN', 'Admin: manages everything'],
] as const
type KeyRole = (typeof roles)[number][0]

interface Made {
  readonly name: string
  readonly secret: string
}
interface MakesKeys {
  readonly onMade: (made: Made) => void
}

/** API keys: create, rotate and revoke. */
export function KeysPage() {
  const [after, setAfter] = useState<string | null>(null)
  const [made, setMade] = useState<Made>()
  const result = useQuery(graphQuery(KeysDocument, { after }))
  const keys = result.data?.apiKeys
  return (
    <>
      <h1>Keys</h1>
      {made && (
        <Secret
          {...made}
          onClose={() => {
            setMade(undefined)
          }}
        />
      )}
      <Card title="New key">
        <CreateKey onMade={setMade} />
      </Card>
      <Card title="All keys">
        {result.isPending && <Loading label="Loading" />}
        {result.error && <Failure error={result.error} onRetry={() => void result.refetch()} />}
        {keys && (
          <div className={ui['tableWrap']} tabIndex={0} role="region" aria-label="Keys">
            <table className={ui['table']}>
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Role</th>
                  <th scope="col">Store</th>
                  <th scope="col">Begins with</th>
                  <th scope="col">Created</th>
                  <th scope="col">State</th>
                </tr>
              </thead>
              <tbody>
                {keys.nodes.map((key) => (
                  <Row key={key.id} apiKey={key} onMade={setMade} />
                ))}
              </tbody>
            </table>
            <More pageInfo={keys.pageInfo} after={after} onPage={setAfter} />
          </div>
        )}
      </Card>
    </>
  )
}

function CreateKey({ onMade }: MakesKeys) {
  const [role, setRole] = useState<KeyRole>('ANALYST')
  const [store, setStore] = useState('')
  const [name, setName] = useState('')
  const stores = useQuery(graphQuery(StoreNamesDocument, {}))
  const create = useAct(CreateKeyDocument, ({ createApiKey }) => {
    setName('')
    onMade({ name: createApiKey.apiKey.name, secret: createApiKey.secret })
  })
  const names = (stores.data?.stores.nodes ?? []).map((one) => [String(one.id), one.name] as const)
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    create.mutate({
      input: { role, name: name.trim(), storeId: role === 'ADMIN' || store === '' ? null : Number(store) },
    })
  }
  return (
    <form className={ui['row']} onSubmit={submit}>
      <Select label="Role" value={role} options={roles} onChange={setRole} />
      {role !== 'ADMIN' && (
        <Select
          label="Store"
          value={store}
          options={[['', role === 'ANALYST' ? 'All stores' : 'Choose a store'], ...names]}
          onChange={setStore}
        />
      )}
      <TextField
        label="What it is for"
        required
        value={name}
        onChange={({ target }) => {
          setName(target.value)
        }}
      />
      <Button type="submit" look="primary" disabled={create.isPending}>
        Create key
      </Button>
      {create.error && <p role="alert">{create.error.message}</p>}
    </form>
  )
}

function Row({ apiKey, onMade }: MakesKeys & { readonly apiKey: KeysQuery['apiKeys']['nodes'][number] }) {
  const { id, name, role, store, prefix, createdAt, expiresAt, revokedAt } = apiKey
  const rotate = useAct(RotateKeyDocument, ({ rotateApiKey }) => {
    onMade({ name: rotateApiKey.apiKey.name, secret: rotateApiKey.secret })
  })
  const revoke = useAct(RevokeKeyDocument)
  const [confirming, setConfirming] = useState(false)
  const error = rotate.error ?? revoke.error
  return (
    <tr>
      <td>{name}</td>
      <td>{role.toLowerCase()}</td>
      <td>{store?.name ?? 'all'}</td>
      <td>{prefix}</td>
      <td>{createdAt.slice(0, 10)}</td>
      <td>
        {revokedAt != null ? (
          `revoked ${revokedAt.slice(0, 10)}`
        ) : (
          <div className={ui['row']}>
            {expiresAt != null && `until ${expiresAt.slice(0, 10)}`}
            <Button
              aria-label={`Rotate ${name}`}
              title="Makes a new key; this one works for another day"
              disabled={rotate.isPending}
              onClick={() => {
                rotate.mutate({ input: { id } })
              }}
            >
              Rotate
            </Button>
            <Button
              look="danger"
              aria-label={confirming ? `Revoke ${name} now` : `Revoke ${name}`}
              disabled={revoke.isPending}
              onClick={() => {
                if (confirming) revoke.mutate({ input: { id } })
                else setConfirming(true)
              }}
              onBlur={() => {
                setConfirming(false)
              }}
            >
              {confirming ? 'Really revoke' : 'Revoke'}
            </Button>
          </div>
        )}
        {error && <p role="alert">{error.message}</p>}
      </td>
    </tr>
  )
}
