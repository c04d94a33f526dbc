/** What the stack tells its operator: one line a step, the step's name first. */
export interface Terminal {
  readonly line: (step: string, text: string) => void
  /** Whether a person reads this: a secret may be shown once. */
  readonly interactive: boolean
}

export const silent: Terminal = { line: () => undefined, interactive: false }

/** Writes to a stream as long as it is open: its reader may leave (`npm start | head -1`). */
export function createTerminal(stream: NodeJS.WriteStream): Terminal {
  return {
    line: (step, text) => {
      if (stream.writable) stream.write(`${step.padEnd(9)} ${text}\n`)
    },
    interactive: stream.isTTY,
  }
}
