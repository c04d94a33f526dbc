import { Agent, get } from 'node:http'

/** Requests the health of each service continuously, and reports the longest response time. */

type Message = { readonly start: Readonly<Record<string, string>> } | { readonly stop: true }

const agent = new Agent({ keepAlive: true })
let longest: Record<string, number> = {}
let running = false

const probe = (url: string): Promise<void> =>
  new Promise((resolve) => {
    get(`${url}/health/live`, { agent }, (response) => {
      response.resume().once('end', resolve)
    }).once('error', () => {
      resolve()
    })
  })

async function watch(name: string, url: string): Promise<void> {
  while (running) {
    const began = performance.now()
    await probe(url)
    longest[name] = Math.max(longest[name] ?? 0, performance.now() - began)
  }
}

let watching: Promise<unknown> = Promise.resolve()

process.on('message', (message: Message) => {
  if ('start' in message) {
    longest = {}
    running = true
    watching = Promise.all(Object.entries(message.start).map(([name, url]) => watch(name, url)))
    process.send?.({ started: true })
  } else {
    running = false
    void watching.then(() => process.send?.(longest))
  }
})
