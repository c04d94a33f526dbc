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
  /** Called with a one-line message for each change. */
  readonly report: (text: string) => void
  /** Milliseconds to become ready, and to finish requests in flight when stopped. */
  readonly timeouts?: { readonly start: number; readonly stop: number }
}

export type RunningService = ReturnType<typeof createService>

/** How a process ended, for messages. */
const ending = (code: number | null, signal: string | null) => signal ?? `status ${String(code)}`

/**
 * A service as a child process in a process group of its own, so that a Ctrl-C reaches the stack only. An
 * unexpected end restarts it after 1 s, 2 s, 4 s … 30 s; when the stack dies, it notices the closed channel
 * and stops.
 */
export function createService({
  name,
  main,
  flags = [],
  env,
  url,
  log,
  report,
  // A service allows requests in flight 25 s.
  timeouts = { start: 30_000, stop: 27_000 },
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
    report(`${name} ended (${how}), starting it again in ${String(pause / 1_000)} s`)
    retry = setTimeout(() => {
      launchOnce().then(
        () => {
          report(`${name} is ready again`)
        },
        (error: unknown) => {
          again((error as Error).message)
        },
      )
    }, pause)
  }

  /** @throws Error with the service's reason */
  async function launch(): Promise<void> {
    const process_ = fork(main, [], {
      execPath: process.execPath,
      execArgv: [...flags],
      env,
      detached: true,
      stdio: ['ignore', log.stdout, 'pipe', 'ipc'],
    })
    child = process_
    let lastOutput = ''
    process_.stderr?.setEncoding('utf8').on('data', (text: string) => {
      lastOutput = (lastOutput + text).slice(-8_192)
      log.write(text)
    })
    const answer = await new Promise<Error | undefined>((resolve) => {
      const timer = setTimeout(() => {
        resolve(
          new Error(`${name} was not ready within ${String(timeouts.start / 1_000)} s, see ${log.where}`),
        )
      }, timeouts.start)
      process_.once('error', (error) => {
        clearTimeout(timer)
        resolve(error)
      })
      process_.once('message', () => {
        clearTimeout(timer)
        resolve(undefined)
      })
      // Not 'exit': the last output may not have been read by then.
      process_.once('close', (code: number | null, signal: string | null) => {
        clearTimeout(timer)
        resolve(new Error(reasonIn(lastOutput) ?? `${name} ended at its start (${ending(code, signal)})`))
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
    const exited = once(process_, 'exit')
    process_.kill(hurried ? 'SIGKILL' : signal)
    const timer = setTimeout(() => {
      report(`${name} did not finish in time, ending it`)
      process_.kill('SIGKILL')
    }, timeouts.stop)
    await exited
    clearTimeout(timer)
  }

  return {
    name,
    url,
    /** The process, if running. */
    get pid(): number | undefined {
      return isUp() ? child?.pid : undefined
    },
    /** Starts it unless it is running; resolves when it is ready. */
    async start(): Promise<void> {
      wanted = true
      clearTimeout(retry)
      if (starting === undefined && isUp()) return
      await launchOnce()
    },
    /** Stops it until `start`, after finishing requests in flight unless the signal is aborted. */
    async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
      wanted = false
      clearTimeout(retry)
      if (child !== undefined) await end(child, signal)
    },
    /** Simulates a crash: the stack restarts it. */
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
