import { Agent, get } from 'node:http'

/** Asks each service for its health without a pause, and reports the longest that one of them took to answer. */

type Message = { readonly start: Readonly<Record<string, string>> } | { readonly stop: true }

const agent = new Agent({ keepAlive: true })
let longest: Record<string, number> = {}
let running = false

const ask = (url: string): Promise<void> =>
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
    await ask(url)
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
