import { fork, type ChildProcess } from 'node:child_process'
import { rmSync } from 'node:fs'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { DeclinedError } from './declined.ts'
import {
  spilledIn,
  type BuildTask,
  type Built,
  type MergeTask,
  type QueryTask,
  type Request,
  type Response,
  type Row,
  type Settings,
  type Task,
} from './protocol.ts'

/** Milliseconds without a task after which the process ends, and its memory is free. */
const maxIdle = 300_000
/** Milliseconds without another attempt after a process that ended before it answered anything. */
const pauseAfterFailure = 60_000
/** Milliseconds after which a process that does not give a task up is ended. */
const maxCancelling = 5_000
/** Ingest goes first. */
const niceness = 10
const main = fileURLToPath(new URL('columnar-main.ts', import.meta.url))

interface Pending {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** Starts the process. */
export const launchProcess = (): ChildProcess =>
  fork(main, [], {
    execArgv: ['--no-warnings'],
    // It needs nothing of the service's environment but how to find certificates.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) =>
        /^(?:PATH|TZ|SSL_CERT_\w+|NODE_EXTRA_CA_CERTS)$/.test(name),
      ),
    ),
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })

export type ColumnarProcess = ReturnType<typeof createColumnarProcess>

/**
 * The process in which the columnar engine runs, so that neither its memory nor a crash are the service's. It
 * is started by the first task and ends when there has been none for a while.
 */
export function createColumnarProcess(settings: Settings, launch = launchProcess) {
  const pending = new Map<number, Pending>()
  let child: ChildProcess | undefined
  let idle: NodeJS.Timeout | undefined
  let lastId = 0
  let hasAnswered = false
  let pausedUntil = 0

  function end(): void {
    clearTimeout(idle)
    const ended = child
    if (ended !== undefined && !hasAnswered) pausedUntil = performance.now() + pauseAfterFailure
    child = undefined
    ended?.kill('SIGKILL')
    rmSync(spilledIn(settings), { recursive: true, force: true })
    for (const { reject } of pending.values())
      reject(new Error('the process of the columnar engine has ended'))
    pending.clear()
  }

  function start(): ChildProcess {
    const started = launch()
    try {
      if (started.pid !== undefined) os.setPriority(started.pid, niceness)
    } catch {
      // Where that is not allowed it works all the same.
    }
    started.on('message', ({ id, ...response }: Response) => {
      hasAnswered = true
      const waiting = pending.get(id)
      pending.delete(id)
      if ('error' in response) waiting?.reject(new Error(response.error))
      else waiting?.resolve(response.result)
      if (pending.size === 0) rest()
    })
    started.on('error', () => {
      if (child === started) end()
    })
    started.on('exit', () => {
      if (child === started) end()
    })
    started.unref()
    started.channel?.unref()
    return started
  }

  function rest(): void {
    clearTimeout(idle)
    idle = setTimeout(end, maxIdle)
    idle.unref()
  }

  function send(request: Request): void {
    child?.send(request, (error) => {
      if (error !== null) end()
    })
  }

  async function run(task: Task, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted()
    if (child === undefined) {
      if (performance.now() < pausedUntil)
        throw new DeclinedError('the process of the columnar engine does not start')
      hasAnswered = false
      child = start()
      send({ settings })
    }
    clearTimeout(idle)
    const id = (lastId += 1)
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    pending.set(id, { resolve, reject })
    let impatient: NodeJS.Timeout | undefined
    const cancel = (): void => {
      send({ id, cancel: true })
      impatient = setTimeout(end, maxCancelling)
      impatient.unref()
    }
    signal.addEventListener('abort', cancel, { once: true })
    send({ id, task })
    try {
      return await promise
    } finally {
      clearTimeout(impatient)
      signal.removeEventListener('abort', cancel)
    }
  }

  return {
    // Each answer has the form that its task asks for.
    build: (task: BuildTask, signal: AbortSignal): Promise<Built> => run(task, signal) as Promise<Built>,
    merge: (task: MergeTask, signal: AbortSignal): Promise<Built> => run(task, signal) as Promise<Built>,
    query: (task: QueryTask, signal: AbortSignal): Promise<Row[]> => run(task, signal) as Promise<Row[]>,
    close: end,
  }
}
