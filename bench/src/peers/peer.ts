import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'

export interface Peer extends AsyncDisposable {
  readonly pid: number | undefined
  readonly url: string
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** Waits until a process answers at a URL. */
async function answers(child: ChildProcess, url: string): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (child.exitCode !== null) throw new Error(`${child.spawnfile} ended with ${String(child.exitCode)}`)
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`${url} does not answer`)
}

/** What we are compared with, each a process of its own: `file` gets its settings as JSON. */
export async function startPeer(file: string, settings: object): Promise<Peer> {
  const port = await freePort()
  const url = `http://127.0.0.1:${String(port)}`
  const child = fork(join(import.meta.dirname, file), [JSON.stringify({ ...settings, port })], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production', LOG_LEVEL: 'error', DEBUG: '' },
  })
  await answers(child, url)
  return {
    pid: child.pid,
    url,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
