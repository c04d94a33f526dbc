import type { Terminal } from '../terminal.ts'

const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** Formats bytes in decimal units with three digits. */
export function formatBytes(bytes: number): string {
  const unit = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1)
  const value = bytes / 1000 ** unit
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : 1)} ${units[unit] ?? ''}`
}

/** Milliseconds between two progress lines. */
const interval = 10_000

/**
 * Reports progress in bytes every ten seconds, with the rate.
 *
 * @param total bytes to process, if known
 */
export function createProgress(
  terminal: Terminal,
  step: string,
  what: string,
  total: number,
  now: () => number = () => performance.now(),
) {
  const began = now()
  let done = 0
  let reported = began
  const rate = () => `${formatBytes((done / Math.max(now() - began, 1)) * 1000)}/s`
  return {
    add: (bytes: number): void => {
      done += bytes
      if (now() - reported < interval) return
      reported = now()
      terminal.line(
        step,
        `${what}: ${formatBytes(done)} of about ${formatBytes(Math.max(total, done))}, ${rate()}`,
      )
    },
    /** Reports the end. */
    end: (): void => {
      const seconds = ((now() - began) / 1000).toFixed(1)
      terminal.line(step, `${what}: ${formatBytes(done)} in ${seconds} s, ${rate()}`)
    },
  }
}
