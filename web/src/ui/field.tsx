import { useId, type ComponentProps, type ReactNode } from 'react'
import styles from './ui.module.css'

interface Labelled {
  readonly label: string
  readonly hint?: ReactNode
}

/** A text field with its label. `suggestions` are offered, other values are accepted. */
export function TextField({
  label,
  hint,
  suggestions,
  ...rest
}: Labelled & { readonly suggestions?: readonly string[] } & ComponentProps<'input'>) {
  const id = useId()
  return (
    <div className={styles['field']}>
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        className={styles['input']}
        {...(suggestions && { list: `${id}-list` })}
        {...(hint !== undefined && { 'aria-describedby': `${id}-hint` })}
        {...rest}
      />
      {suggestions && (
        <datalist id={`${id}-list`}>
          {suggestions.map((value) => (
            <option key={value} value={value} />
          ))}
        </datalist>
      )}
      {hint !== undefined && <span id={`${id}-hint`}>{hint}</span>}
    </div>
  )
}

interface SelectProps<Value extends string> extends Labelled {
  readonly value: Value
  readonly options: readonly (readonly [Value, string])[]
  readonly onChange: (value: Value) => void
  /** The label is for screen readers only. */
  readonly compact?: boolean
}

/** The browser's own select: known to everybody, and the best there is on phones. */
export function Select<Value extends string>({
  label,
  value,
  options,
  onChange,
  compact,
}: SelectProps<Value>) {
  const id = useId()
  return (
    <div className={styles['field']}>
      <label htmlFor={id} className={compact ? 'visually-hidden' : undefined}>
        {label}
      </label>
      <select
        id={id}
        className={styles['input']}
        value={value}
        onChange={(event) => {
          onChange(event.target.value as Value)
        }}
      >
        {options.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
    </div>
  )
}
