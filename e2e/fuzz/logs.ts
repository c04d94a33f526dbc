import { open } from 'node:fs/promises'
import path from 'node:path'

const services = ['gateway', 'users', 'events'] as const

/** Reads what the services have written to their logs since it was last asked. */
export function createLogReader(dataDir: string) {
  const offsets = new Map<string, number>()
  return {
    async read(): Promise<string> {
      let text = ''
      for (const name of services) {
        const file = await open(path.join(dataDir, 'logs', `${name}.log`))
        try {
          const from = offsets.get(name) ?? 0
          const { size } = await file.stat()
          if (size === from) continue
          const { buffer } = await file.read(Buffer.alloc(size - from), 0, size - from, from)
          offsets.set(name, size)
          text += buffer.toString()
        } finally {
          await file.close()
        }
      }
      return text
    },
  }
}
