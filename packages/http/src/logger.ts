import { pino, type Bindings, type ChildLoggerOptions, type DestinationStream, type Logger } from 'pino'

export type { Logger } from 'pino'

export interface LoggerOptions {
  readonly name: string
  readonly level?: string
  readonly destination?: DestinationStream
}

/**
 * Structured logs. Errors are reduced to their type, code and stack: a database's message may quote a value,
 * and values may be personal data.
 */
export const createLogger = ({ name, level = 'info', destination }: LoggerOptions): Logger =>
  pino(
    {
      name,
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError, error: describeError },
      redact: {
        paths: [
          'token',
          'apiKey',
          'password',
          'authorization',
          '*.token',
          '*.apiKey',
          '*.password',
          '*.authorization',
        ],
        censor: '[redacted]',
      },
    },
    destination ?? pino.destination({ fd: 1, sync: false }),
  )

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)

function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error }
  const { code, severity, table, constraint } = error as Error & Record<string, unknown>
  return {
    type: error.name,
    code: text(code),
    severity: text(severity),
    table: text(table),
    constraint: text(constraint),
    // Only the call sites; the first line of a stack contains the message.
    stack: error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .slice(0, 12)
      .join('\n'),
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  }
}

type Child = [bindings: Bindings, options?: ChildLoggerOptions]
type Line = [details: object, message?: string]

/**
 * A child logger, created on its first log line: most requests log nothing, and creating one costs more than
 * the rest of a small request's logging.
 */
class LazyChild {
  readonly parent: Logger
  readonly bindings: Child
  made: Logger | undefined

  constructor(parent: Logger, bindings: Child) {
    this.parent = parent
    this.bindings = bindings
  }

  get level(): string {
    return this.parent.level
  }

  isLevelEnabled(level: string): boolean {
    return this.parent.isLevelEnabled(level)
  }

  own(): Logger {
    return (this.made ??= this.parent.child(...this.bindings) as Logger)
  }

  write(level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace', line: Line): void {
    if (!this.parent.isLevelEnabled(level)) return
    this.own()[level](...line)
  }

  fatal(...line: Line): void {
    this.write('fatal', line)
  }

  error(...line: Line): void {
    this.write('error', line)
  }

  warn(...line: Line): void {
    this.write('warn', line)
  }

  info(...line: Line): void {
    this.write('info', line)
  }

  debug(...line: Line): void {
    this.write('debug', line)
  }

  trace(...line: Line): void {
    this.write('trace', line)
  }

  silent(): void {
    // This level is disabled.
  }

  child(...bindings: Child): Logger {
    return this.own().child(...bindings)
  }
}

/** A child logger for one request. */
export const createLazyChild = (parent: Logger, ...bindings: Child): Logger =>
  // The methods that Fastify and we call; pino's child is created on first use.
  new LazyChild(parent, bindings) as unknown as Logger
