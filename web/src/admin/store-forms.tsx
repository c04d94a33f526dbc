import { useState, type SubmitEvent } from 'react'
import { DeleteStoreDocument, UpdateStoreDocument } from '../../generated/graph/graphql.ts'
import { Button } from '../ui/button.tsx'
import { Card } from '../ui/card.tsx'
import { TextField } from '../ui/field.tsx'
import { formatNumber } from '../ui/format.ts'
import ui from '../ui/ui.module.css'
import type { StoreRow } from './store-row.ts'
import { useAct } from './use-act.ts'

interface Props {
  readonly store: StoreRow
  readonly onClose: () => void
}

/** The name of a store, how long its events are kept, and what analysts may use of them. */
export function StoreSettings({ store, onClose }: Props) {
  const [name, setName] = useState(store.name)
  const [days, setDays] = useState(store.retentionDays == null ? '' : String(store.retentionDays))
  const [refuses, setRefuses] = useState(store.refuseEmailLikeData)
  const [paths, setPaths] = useState(store.analystDataPaths?.join(', ') ?? '')
  const update = useAct(UpdateStoreDocument, onClose)
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const analystDataPaths = paths
      .split(',')
      .map((path) => path.trim())
      .filter((path) => path !== '')
    update.mutate({
      input: {
        id: store.id,
        name,
        retentionDays: days === '' ? null : Number(days),
        refuseEmailLikeData: refuses,
        analystDataPaths: paths.trim() === '' ? null : analystDataPaths,
      },
    })
  }
  return (
    <Card title={`Settings of ${store.name}`}>
      <form className={ui['stack']} onSubmit={submit}>
        <TextField
          label="Name"
          required
          value={name}
          onChange={({ target }) => {
            setName(target.value)
          }}
        />
        <TextField
          label="Days for which events are kept"
          hint="Older ones are deleted within an hour; daily totals stay. Empty: as long as those of all stores."
          type="number"
          min={1}
          max={36_500}
          value={days}
          onChange={({ target }) => {
            setDays(target.value)
          }}
        />
        <TextField
          label="Paths of data that analysts may use, separated by commas"
          hint="For example $.country, $.value. Empty: those that are open for all stores."
          value={paths}
          onChange={({ target }) => {
            setPaths(target.value)
          }}
        />
        <label>
          <input
            type="checkbox"
            checked={refuses}
            onChange={({ target }) => {
              setRefuses(target.checked)
            }}
          />{' '}
          Refuse events with something in them that looks like an e-mail address
        </label>
        {update.error && <p role="alert">{update.error.message}</p>}
        <div className={ui['row']}>
          <Button type="submit" look="primary" disabled={update.isPending}>
            Save
          </Button>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </form>
    </Card>
  )
}

/** Deletes a store with all its users and events, once its name has been typed. */
export function DeleteStore({ store, onClose }: Props) {
  const [typed, setTyped] = useState('')
  const remove = useAct(DeleteStoreDocument)
  const done = remove.data?.deleteStore
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    remove.mutate({ input: { id: store.id } })
  }
  if (done)
    return (
      <Card title={`${store.name} is deleted`}>
        <p role="status">
          {formatNumber(done.usersDeleted)} users and {formatNumber(done.eventsDeleted)} events were deleted.
          Receipt of the erasure {done.erasure.id}:
        </p>
        <code className={ui['code']}>{done.erasure.receipt ?? 'not signed yet'}</code>
        <Button onClick={onClose}>Done</Button>
      </Card>
    )
  return (
    <Card title={`Delete ${store.name}`}>
      <form className={ui['stack']} onSubmit={submit}>
        <p>All its users, events and keys are deleted. Nothing of it can be brought back.</p>
        <TextField
          label={`Type ${store.name} to confirm`}
          autoComplete="off"
          value={typed}
          onChange={({ target }) => {
            setTyped(target.value)
          }}
        />
        {remove.error && <p role="alert">{remove.error.message}</p>}
        <div className={ui['row']}>
          <Button type="submit" look="danger" disabled={typed !== store.name || remove.isPending}>
            {remove.isPending ? 'Deleting …' : 'Delete for ever'}
          </Button>
          <Button onClick={onClose}>Cancel</Button>
        </div>
      </form>
    </Card>
  )
}
