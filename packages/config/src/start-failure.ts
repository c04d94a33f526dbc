import { EnvError } from './read-variables.ts'

/** One line, in the operator's terms. */
export function startFailure(error: unknown): string {
  if (error instanceof EnvError) return error.faults.join('; ')
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' && 'port' in error)
    return `port ${String(error.port)} is in use. Stop what listens there, or set another port.`
  if (error instanceof Error && 'code' in error && error.code === 'EACCES' && 'port' in error)
    return `port ${String(error.port)} may not be opened by this user. Set another port.`
  return error instanceof Error ? error.message : String(error)
}
