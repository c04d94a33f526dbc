import { useState } from 'react'
import { Button } from '../ui/button.tsx'
import { TextField } from '../ui/field.tsx'
import styles from './reports.module.css'
import type { Filter } from './search.ts'
import { usePathSuggestions, useValueSuggestions } from './suggestions.ts'
import type { Report } from './use-report.ts'

interface Props {
  readonly report: Report
  readonly onAdd: (filter: Filter) => void
}

/** Adds a filter: a path and a value, both with those that exist as suggestions. */
export function FilterBuilder({ report, onAdd }: Props) {
  const [open, setOpen] = useState(false)
  if (!open)
    return (
      <Button
        look="quiet"
        onClick={() => {
          setOpen(true)
        }}
      >
        + Filter
      </Button>
    )
  return (
    <FilterForm
      report={report}
      onClose={() => {
        setOpen(false)
      }}
      onAdd={(filter) => {
        onAdd(filter)
        setOpen(false)
      }}
    />
  )
}

function FilterForm({ report, onAdd, onClose }: Props & { readonly onClose: () => void }) {
  const [path, setPath] = useState('type')
  const [value, setValue] = useState('')
  const paths = usePathSuggestions(report)
  const values = useValueSuggestions(report, path)
  return (
    <form
      className={styles['filterForm']}
      onSubmit={(event) => {
        event.preventDefault()
        if (path.trim() !== '' && value.trim() !== '') onAdd({ path: path.trim(), value: value.trim() })
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose()
      }}
    >
      <TextField
        label="Type or path"
        value={path}
        suggestions={['type', ...paths]}
        onChange={(event) => {
          setPath(event.target.value)
        }}
        autoFocus
      />
      <TextField
        label="is"
        value={value}
        suggestions={values}
        onChange={(event) => {
          setValue(event.target.value)
        }}
      />
      <Button type="submit" look="primary">
        Add filter
      </Button>
      <Button look="quiet" onClick={onClose}>
        Cancel
      </Button>
    </form>
  )
}
