import { accessSync, constants } from 'node:fs'
import { nearest } from './near-misses.ts'

const form = 'expected a URL: postgresql://role:password@host:5432/database'
const modes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']
const files = ['sslrootcert', 'sslcert', 'sslkey']
const tlsParameters = ['sslmode', ...files]

/**
 * Validates the URL of a PostgreSQL database. Returns the fault, or undefined. The driver would ignore a
 * misspelt `sslmode` and connect without TLS.
 */
export function databaseUrlFault(text: string): string | undefined {
  if (!/^postgres(?:ql)?:\/\//i.test(text) || !URL.canParse(text)) return form
  const { pathname, searchParams } = new URL(text)
  if (pathname.length < 2) return form
  for (const [name, value] of searchParams) {
    if (name === 'sslmode' && !modes.includes(value)) return `sslmode: expected one of ${modes.join(', ')}`
    if (files.includes(name) && !isReadable(value)) return `${name}: the file cannot be read`
    const meant = tlsParameters.includes(name) ? undefined : nearest(name, tlsParameters)
    if (meant !== undefined) return `there is no parameter ${name}: did you mean ${meant}?`
  }
  return undefined
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK)
    return true
  } catch {
    return false
  }
}
