import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Terminal } from '../src/terminal.ts'

/** A data directory that is removed after the test; PostgreSQL under root must be able to traverse it. */
export async function temporaryDir(): Promise<AsyncDisposable & { dir: string }> {
  const dir = await mkdtemp(path.join(tmpdir(), 'user-stats-stack-'))
  await chmod(dir, 0o711)
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}

/** The stack's environment on free ports. */
export const freePorts = { GATEWAY_PORT: '0', USERS_PORT: '0', EVENTS_PORT: '0' } as const

/** A terminal that records its lines, and resolves when a matching line is printed. */
export function recordingTerminal(interactive = false) {
  const lines: string[] = []
  const waiting: { pattern: RegExp; resolve: (line: string) => void }[] = []
  const terminal: Terminal = {
    interactive,
    line: (step, text) => {
      const line = `${step} ${text}`
      lines.push(line)
      for (const { pattern, resolve } of waiting) if (pattern.test(line)) resolve(line)
    },
  }
  return {
    terminal,
    lines,
    /** The next line that matches. */
    next: (pattern: RegExp) =>
      new Promise<string>((resolve) => {
        waiting.push({ pattern, resolve })
      }),
  }
}

/** An unrelated server on a port. */
export async function occupyPort(): Promise<AsyncDisposable & { port: number }> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}

/** Runs a command like an operator; `words` are the command line. */
export function runProgram(env: Readonly<Record<string, string>>, ...words: string[]) {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, '../src/main.ts'), ...words], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const lines = createInterface(child.stdout)
  lines.on('line', (line) => (stdout += `${line}\n`))
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const ready = new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line.startsWith('ready')) resolve(line)
    })
    child.once('close', () => {
      reject(new Error(`ended before it was ready: ${stderr}`))
    })
  })
  /** The next line that matches; undefined when the program ends without one. */
  const next = (pattern: RegExp) =>
    new Promise<string | undefined>((resolve) => {
      lines.on('line', (line) => {
        if (pattern.test(line)) resolve(line)
      })
      child.once('close', () => {
        resolve(undefined)
      })
    })
  // Not every test waits for it.
  ready.catch(() => undefined)
  return {
    child,
    next,
    /** Resolves with the ready line; rejects when the program ends before. */
    ready,
    ended: closed.then(([code, signal]) => ({ code, signal, stdout, stderr })),
  }
}

/** The HTTP status of a service's readiness. */
export const readiness = async (url: string): Promise<number> =>
  (await fetch(new URL('/health/ready', url), { signal: AbortSignal.timeout(10_000) })).status
