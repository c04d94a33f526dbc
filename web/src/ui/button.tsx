import type { ComponentProps } from 'react'
import styles from './ui.module.css'

interface Props extends ComponentProps<'button'> {
  readonly look?: 'primary' | 'danger' | 'quiet' | undefined
  /** Set for buttons that switch something on and off. */
  readonly pressed?: boolean | undefined
}

export function Button({ look, pressed, className, ...rest }: Props) {
  const names = [styles['button'], look && styles[look], pressed && styles['pressed'], className]
  return (
    <button
      type="button"
      {...(pressed !== undefined && { 'aria-pressed': pressed })}
      {...rest}
      className={names.filter(Boolean).join(' ')}
    />
  )
}
