/**
 * Arguments of a command, as `parse` reads them.
 *
 * @throws Error with what is wrong and the usage
 */
export function parseOptions<T>(line: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new Error(`${(error as Error).message.split('. ')[0] ?? ''}. Usage: ${line}`, { cause: error })
  }
}
