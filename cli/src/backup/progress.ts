import type { Terminal } from '../terminal.ts'

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** Decimal units, three digits. */
export function formatBytes(bytes: number): string {
  const unit = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1)
  const value = bytes / 1000 ** unit
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${units[unit] ?? ''}`
}

/** Tells of long work on bytes, at each tenth of it. */
export function progressOf(terminal: Terminal, step: string, what: string, total: number) {
  let done = 0
  let told = 0
  return (bytes: number): void => {
    done += bytes
    const tenths = total === 0 ? 10 : Math.floor((done / total) * 10)
    if (tenths <= told) return
    told = tenths
    terminal.line(step, `${what}: ${String(tenths * 10)} % of ${formatBytes(total)}`)
  }
}
