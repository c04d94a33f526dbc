import { spawn } from 'node:child_process'

/** A system user to run a program as; absent: the current user. */
export interface ServerUser {
  uid: number
  gid: number
  name: string
}

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
  failure?: Error
}

/**
 * Runs a program to its end in a session of its own, so that Ctrl-C in the terminal stops neither it nor a
 * server that it started. Never rejects: `failure` is the reason why it could not be started.
 *
 * @param signal ends the program with SIGTERM
 */
export function run(
  file: string,
  args: readonly string[],
  user?: ServerUser,
  signal?: AbortSignal,
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Locale C: messages are parsed below, and a machine may lack the locale in its environment.
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LANG: 'C', LC_ALL: 'C' },
      ...(user && { uid: user.uid, gid: user.gid }),
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const terminate = () => child.kill()
    signal?.addEventListener('abort', terminate)
    child.on('error', (failure) => {
      resolve({ code: null, stdout, stderr, failure })
    })
    child.on('close', (code) => {
      signal?.removeEventListener('abort', terminate)
      resolve({ code, stdout, stderr })
    })
  })
}

/** The first error line of a failed program. */
export function firstErrorLine({ code, stdout, stderr, failure }: Finished): string {
  if (failure) return failure.message
  const lines = `${stderr}\n${stdout}`.split('\n').map((line) => line.trim())
  return lines.find((line) => /error|fatal|could not/i.test(line)) ?? `exit status ${String(code)}`
}
