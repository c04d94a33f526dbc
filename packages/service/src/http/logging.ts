import { pino, type DestinationStream, type Logger } from 'pino'

export type { Logger } from 'pino'

export interface LoggerOptions {
  readonly name: string
  readonly level?: string
  readonly destination?: DestinationStream
}

/**
 * Structured logs. Errors are reduced to their type, code and stack: a message of the database may quote a value,
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
    // Only where it happened; the first line of a stack is the message.
    stack: error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .slice(0, 12)
      .join('\n'),
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  }
}
