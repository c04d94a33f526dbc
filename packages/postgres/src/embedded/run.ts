import { spawn } from 'node:child_process'

/** A system user to run a program as; absent when the current user will do. */
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
 * Runs a program to its end in a session of its own, so that a Ctrl-C meant for the terminal's process group
 * cuts neither it nor a server it leaves behind. Never rejects: `failure` holds why it could not be started.
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
      // C: messages are read below, and a machine may lack the locale its environment names.
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

/** What a failed program said, in one line. */
export function complaint({ code, stdout, stderr, failure }: Finished): string {
  if (failure) return failure.message
  const lines = `${stderr}\n${stdout}`.split('\n').map((line) => line.trim())
  return lines.find((line) => /error|fatal|could not/i.test(line)) ?? `exit status ${String(code)}`
}
