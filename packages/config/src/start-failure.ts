import { EnvError } from './read-variables.ts'

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EEXIST: 'exists already',
  ENOENT: 'does not exist',
  ENOTDIR: 'is below a file that is not a directory',
  EISDIR: 'is a directory',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the disk',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
}

/** The reasons of a failed start, one line each, for operators. */
export function startFailures(error: unknown): readonly string[] {
  if (error instanceof EnvError) return error.faults
  const message = error instanceof Error ? describe(error) : String(error)
  return [message.replaceAll(/\s*\n\s*/g, ' ')]
}

function describe(error: NodeJS.ErrnoException & { port?: number }): string {
  const { code = '', port, path, message } = error
  if (port !== undefined && code === 'EADDRINUSE')
    return `port ${String(port)} is in use. Stop the program that listens there, or set another port.`
  if (port !== undefined && code === 'EACCES')
    return `port ${String(port)} may not be opened by this user. Set another port.`
  if (path !== undefined && code in reasons) return `${path}: ${reasons[code] ?? ''} (${code})`
  return message
}
