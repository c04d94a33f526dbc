import { useState } from 'react'
import { Select } from '../ui/field.tsx'
import { applyTheme, storedTheme, type Theme } from './theme.ts'

const themes = [
  ['system', 'Auto'],
  ['light', 'Light'],
  ['dark', 'Dark'],
] as const

export function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(storedTheme)
  return (
    <Select
      compact
      label="Theme"
      value={theme}
      options={themes}
      onChange={(next) => {
        setTheme(next)
        applyTheme(next)
      }}
    />
  )
}
