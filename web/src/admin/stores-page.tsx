import { useState, type SubmitEvent } from 'react'
import { useQuery } from '@tanstack/react-query'
import {
  BlockStoreDocument,
  CreateStoreDocument,
  StoresDocument,
  UnblockStoreDocument,
} from '../../generated/graph/graphql.ts'
import { graphQuery } from '../graph/execute.ts'
import { Button } from '../ui/button.tsx'
import { Card } from '../ui/card.tsx'
import { TextField } from '../ui/field.tsx'
import { Empty, Failure, Loading } from '../ui/states.tsx'
import ui from '../ui/ui.module.css'
import { More } from './more.tsx'
import { Secret } from './secret.tsx'
import { DeleteStore, StoreSettings } from './store-forms.tsx'
import type { StoreRow } from './store-row.ts'
import { useAct } from './use-act.ts'

/** Stores: create, rename, set up, block, unblock and delete. */
export function StoresPage() {
  const [after, setAfter] = useState<string | null>(null)
  const result = useQuery(graphQuery(StoresDocument, { after }))
  const [made, setMade] = useState<{ name: string; secret: string }>()
  const [chosen, setChosen] = useState<{ store: StoreRow; form: 'settings' | 'delete' }>()
  const close = () => {
    setChosen(undefined)
  }
  const stores = result.data?.stores
  return (
    <>
      <h1>Stores</h1>
      {made && (
        <Secret
          {...made}
          onClose={() => {
            setMade(undefined)
          }}
        />
      )}
      <Card title="New store">
        <CreateStore onMade={setMade} />
      </Card>
      {chosen?.form === 'settings' && (
        <StoreSettings key={chosen.store.id} store={chosen.store} onClose={close} />
      )}
      {chosen?.form === 'delete' && (
        <DeleteStore key={chosen.store.id} store={chosen.store} onClose={close} />
      )}
      <Card title="All stores">
        {result.isPending && <Loading label="Loading" />}
        {result.error && <Failure error={result.error} onRetry={() => void result.refetch()} />}
        {stores?.nodes.length === 0 && <Empty>There is no store yet. Create the first above.</Empty>}
        {stores && stores.nodes.length > 0 && (
          <div className={ui['tableWrap']} tabIndex={0} role="region" aria-label="Stores">
            <table className={ui['table']}>
              <thead>
                <tr>
                  <th scope="col">Id</th>
                  <th scope="col">Name</th>
                  <th scope="col">State</th>
                  <th scope="col">Created</th>
                  <th scope="col">Actions</th>
                </tr>
              </thead>
              <tbody>
                {stores.nodes.map((one) => (
                  <Row
                    key={one.id}
                    store={one}
                    onChoose={(form) => {
                      setChosen({ store: one, form })
                    }}
                  />
                ))}
              </tbody>
            </table>
            <More pageInfo={stores.pageInfo} after={after} onPage={setAfter} />
          </div>
        )}
      </Card>
    </>
  )
}

function CreateStore({ onMade }: { readonly onMade: (made: { name: string; secret: string }) => void }) {
  const [name, setName] = useState('')
  const create = useAct(CreateStoreDocument, ({ createStore }) => {
    setName('')
    onMade({ name: createStore.store.name, secret: createStore.secret })
  })
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    create.mutate({ input: { name: name.trim() } })
  }
  return (
    <form className={ui['row']} onSubmit={submit}>
      <TextField
        label="Name of the store"
        required
        maxLength={300}
        value={name}
        onChange={({ target }) => {
          setName(target.value)
        }}
      />
      <Button type="submit" look="primary" disabled={create.isPending}>
        Create store
      </Button>
      {create.error && <p role="alert">{create.error.message}</p>}
    </form>
  )
}

function Row({
  store,
  onChoose,
}: {
  readonly store: StoreRow
  readonly onChoose: (form: 'settings' | 'delete') => void
}) {
  const { id, name, isActive, createdAt } = store
  const block = useAct(BlockStoreDocument)
  const unblock = useAct(UnblockStoreDocument)
  const error = block.error ?? unblock.error
  return (
    <tr>
      <td>{id}</td>
      <td>{name}</td>
      <td>{isActive ? 'active' : 'blocked'}</td>
      <td>{createdAt.slice(0, 10)}</td>
      <td>
        <div className={ui['row']}>
          <Button
            aria-label={`Settings of ${name}`}
            onClick={() => {
              onChoose('settings')
            }}
          >
            Settings
          </Button>
          <Button
            aria-label={`${isActive ? 'Block' : 'Unblock'} ${name}`}
            disabled={block.isPending || unblock.isPending}
            onClick={() => {
              ;(isActive ? block : unblock).mutate({ input: { id } })
            }}
          >
            {isActive ? 'Block' : 'Unblock'}
          </Button>
          <Button
            look="danger"
            aria-label={`Delete ${name}`}
            onClick={() => {
              onChoose('delete')
            }}
          >
            Delete
          </Button>
        </div>
        {error && <p role="alert">{error.message}</p>}
      </td>
    </tr>
  )
}
