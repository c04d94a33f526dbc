import { DomainError } from '@user-stats/core'
import type { Logger } from '@user-stats/http'
import { CommandError, type CommandProgress } from './apply.ts'
import type { EventsClient } from './events-client.ts'
import type { Command, Outbox } from './outbox-repository.ts'

export interface CommandSenderOptions {
  readonly outbox: Outbox
  readonly events: EventsClient
  readonly log: Logger
}

export type SendCommand = ReturnType<typeof createCommandSender>

export const eventsUnavailable = (cause?: unknown): DomainError =>
  new DomainError('SERVICE_UNAVAILABLE', {
    message: 'The events service is not available. The change is recorded; repeat the request to finish it.',
    retryAfter: 2,
    cause,
  })

/** Sends a command to the events service; failures are logged and counted. */
export const createCommandSender =
  ({ outbox, events, log }: CommandSenderOptions) =>
  /** @throws SERVICE_UNAVAILABLE while the events service is unavailable or rejects the command */
  async (command: Command): Promise<CommandProgress> => {
    try {
      return await events.apply(command)
    } catch (error) {
      const { code, refused } =
        error instanceof CommandError ? error : { code: 'UNREACHABLE', refused: false }
      log.warn({ err: error, kind: command.kind, command: String(command.id), code }, 'command not delivered')
      await outbox.countFailure(command, { code, refused })
      throw eventsUnavailable(error)
    }
  }
