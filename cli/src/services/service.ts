import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createBackoff } from '../backoff.ts'
import type { ServiceName } from './definitions.ts'
import type { ServiceLog } from './logs.ts'
import { reasonIn } from './reason.ts'

export interface ServiceOptions {
  readonly name: ServiceName
  readonly main: string
  /** Flags of Node. */
  readonly flags?: readonly string[] | undefined
  readonly env: Readonly<Record<string, string>>
  readonly url: string
  readonly log: ServiceLog
  /** Told in a line what happens to it. */
  readonly tell: (text: string) => void
  /** Milliseconds to become ready, and to finish what is in flight once asked to stop. */
  readonly patience?: { readonly start: number; readonly stop: number }
}

export type RunningService = ReturnType<typeof createService>

/** How a process ended, for a line. */
const ending = (code: number | null, signal: string | null) => signal ?? `status ${String(code)}`

/**
 * A service as a child process of its own process group, so that a Ctrl-C reaches the stack only. It is started again
 * when it ends unasked, after 1 s, 2 s, 4 s … 30 s; when the stack dies it notices the closed channel and stops.
 */
export function createService({
  name,
  main,
  flags = [],
  env,
  url,
  log,
  tell,
  // A service gives requests in flight 25 s.
  patience = { start: 30_000, stop: 27_000 },
}: ServiceOptions) {
  let child: ChildProcess | undefined
  let starting: Promise<void> | undefined
  let retry: NodeJS.Timeout | undefined
  let wanted = false
  let hurried = false
  const backoff = createBackoff()

  const isUp = () => child?.exitCode === null && child.signalCode === null

  function again(how: string): void {
    if (!wanted) return
    backoff.calm()
    const pause = backoff.next()
    tell(`${name} ended (${how}), starting it again in ${String(pause / 1_000)} s`)
    retry = setTimeout(() => {
      launchOnce().then(
        () => {
          tell(`${name} is back`)
        },
        (error: unknown) => {
          again((error as Error).message)
        },
      )
    }, pause)
  }

  /** @throws Error with the reason the service gave */
  async function launch(): Promise<void> {
    const process_ = fork(main, [], {
      execPath: process.execPath,
      execArgv: [...flags],
      env,
      detached: true,
      stdio: ['ignore', log.stdout, 'pipe', 'ipc'],
    })
    child = process_
    let complaints = ''
    process_.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaints = (complaints + text).slice(-8_192)
      log.write(text)
    })
    const answer = await new Promise<Error | undefined>((resolve) => {
      const timer = setTimeout(() => {
        resolve(
          new Error(`${name} was not ready within ${String(patience.start / 1_000)} s, see ${log.where}`),
        )
      }, patience.start)
      process_.once('error', (error) => {
        clearTimeout(timer)
        resolve(error)
      })
      process_.once('message', () => {
        clearTimeout(timer)
        resolve(undefined)
      })
      // Not 'exit': its last words may still be on their way then.
      process_.once('close', (code: number | null, signal: string | null) => {
        clearTimeout(timer)
        resolve(new Error(reasonIn(complaints) ?? `${name} ended at its start (${ending(code, signal)})`))
      })
    })
    if (answer !== undefined) {
      await end(process_, 'SIGKILL')
      throw answer
    }
    process_.once('exit', (code, signal) => {
      again(ending(code, signal))
    })
    if (process_.exitCode !== null || process_.signalCode !== null)
      again(ending(process_.exitCode, process_.signalCode))
  }

  const launchOnce = () =>
    (starting ??= launch().finally(() => {
      starting = undefined
    }))

  async function end(process_: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    if (process_.pid === undefined || process_.exitCode !== null || process_.signalCode !== null) return
    const gone = once(process_, 'exit')
    process_.kill(hurried ? 'SIGKILL' : signal)
    const timer = setTimeout(() => {
      tell(`${name} did not finish in time, ending it`)
      process_.kill('SIGKILL')
    }, patience.stop)
    await gone
    clearTimeout(timer)
  }

  return {
    name,
    url,
    /** The process, while there is one. */
    get pid(): number | undefined {
      return isUp() ? child?.pid : undefined
    },
    /** Up, now, if it is not; resolves when it is ready. */
    async start(): Promise<void> {
      wanted = true
      clearTimeout(retry)
      if (starting === undefined && isUp()) return
      await launchOnce()
    },
    /** Down until `start`, after finishing what is in flight unless the signal says otherwise. */
    async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
      wanted = false
      clearTimeout(retry)
      if (child !== undefined) await end(child, signal)
    },
    /** As by accident: the stack will start it again. */
    async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
      if (child !== undefined) await end(child, signal)
    },
    /** From now on stopping waits for nothing. */
    hurry(): void {
      hurried = true
      if (!wanted && isUp()) child?.kill('SIGKILL')
    },
  }
}
