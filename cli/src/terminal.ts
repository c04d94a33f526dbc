/** The output of the stack for its operator: one line per step, beginning with the step's name. */
export interface Terminal {
  readonly line: (step: string, text: string) => void
  /** Whether it is an interactive terminal: a secret may be shown once. */
  readonly interactive: boolean
}

export const silent: Terminal = { line: () => undefined, interactive: false }

/** Writes to a stream while it is open: its reader may stop reading (`npm start | head -1`). */
export function createTerminal(stream: NodeJS.WriteStream): Terminal {
  return {
    line: (step, text) => {
      if (stream.writable) stream.write(`${step.padEnd(9)} ${text}\n`)
    },
    interactive: stream.isTTY,
  }
}
