/** The line of a process's last output that states the reason of its end, if one does. */
export function reasonIn(words: string): string | undefined {
  const lines = words
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('at '))
  // Node prints an uncaught error below the source line it was thrown from.
  return lines.find((line) => /^\w*(?:Error|Exception)\b.*: /.test(line)) ?? lines[0]
}
